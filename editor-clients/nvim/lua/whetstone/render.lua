--- A candidate as lines of text with highlights: its title, the diff, and what was proved.
local candidates = require('whetstone.candidates')

local M = {}

---@class whetstone.Rendered
---@field lines string[]
---@field marks whetstone.Mark[]

---@class whetstone.Mark
---@field line integer 0-based
---@field group string
---@field from? integer first byte; without, the whole line
---@field to? integer

local diff = vim.text and vim.text.diff or vim.diff

local WORDS = { rule = 'rule', model = 'model', both = 'rule and model' }

---@param rendered whetstone.Rendered
---@param text string
---@param group? string
local function add(rendered, text, group)
  rendered.lines[#rendered.lines + 1] = text
  if group then
    rendered.marks[#rendered.marks + 1] = { line = #rendered.lines - 1, group = group }
  end
end

--- Mark what differs between a removed line and the line that takes its place.
---@param rendered whetstone.Rendered
---@param at integer 0-based line of the removed text
local function mark_change(rendered, at)
  local old, new = rendered.lines[at + 1], rendered.lines[at + 2]
  local head = 2
  while head <= math.min(#old, #new) and old:byte(head) == new:byte(head) do
    head = head + 1
  end
  local tail = 0
  while tail <= math.min(#old, #new) - head and old:byte(#old - tail) == new:byte(#new - tail) do
    tail = tail + 1
  end
  for offset, text in ipairs({ old, new }) do
    if head <= #text - tail then
      rendered.marks[#rendered.marks + 1] = {
        line = at + offset - 1,
        group = 'WhetstoneChanged',
        from = head - 1,
        to = #text - tail,
      }
    end
  end
end

---@param rendered whetstone.Rendered
---@param before string[]
---@param after string[]
---@param context integer
local function add_diff(rendered, before, after, context)
  local text = diff(table.concat(before, '\n') .. '\n', table.concat(after, '\n') .. '\n', {
    ctxlen = context,
  })
  local groups = { ['+'] = 'WhetstoneAdded', ['-'] = 'WhetstoneRemoved' }
  local run = {} ---@type string[]
  local parts = vim.split(text --[[@as string]], '\n', { trimempty = true })
  while parts[#parts] == ' ' do
    parts[#parts] = nil -- blank lines below the change say nothing
  end
  for _, line in ipairs(parts) do
    local sign = line:sub(1, 1)
    if sign ~= '@' and sign ~= '\\' then
      add(rendered, sign .. ' ' .. line:sub(2), groups[sign])
      run[#run + 1] = sign
    else
      if #run > 0 then
        add(rendered, '  …', 'WhetstoneDetail')
      end
      run[#run + 1] = '@'
    end
  end
  -- One line for one line: show which part of it changed.
  if table.concat(run):find('^[^-+]*%-%+[^-+]*$') then
    for index, line in ipairs(rendered.lines) do
      if line:sub(1, 2) == '- ' then
        mark_change(rendered, index - 1)
        return
      end
    end
  end
end

--- True of everything that is shown at all.
local TRIVIAL = 'changes something'

---@param rendered whetstone.Rendered
---@param evidence whetstone.Evidence[]
local function add_evidence(rendered, evidence)
  local text = ''
  local marks = {}
  for _, each in
    ipairs(vim.tbl_filter(function(each)
      return each.name ~= TRIVIAL
    end, evidence))
  do
    local word = (each.passed and '✓ ' or '✗ ') .. each.name
    marks[#marks + 1] = {
      line = #rendered.lines,
      group = each.passed and 'WhetstonePassed' or 'WhetstoneFailed',
      from = #text,
      to = #text + #word,
    }
    text = text .. word .. '  '
  end
  add(rendered, (text:gsub('%s+$', '')))
  vim.list_extend(rendered.marks, marks)
end

---@param set whetstone.Candidates
---@param candidate whetstone.Candidate
---@param context integer unchanged lines around a change
---@return whetstone.Rendered
function M.candidate(set, candidate, context)
  local rendered = { lines = {}, marks = {} } ---@type whetstone.Rendered
  local before = vim.api.nvim_buf_get_lines(set.buffer, 0, -1, false)
  add_diff(rendered, before, candidates.lines_after(set, candidate), context)
  add(rendered, '')
  add(rendered, candidate.title, 'Title')
  if candidate.evidence and #candidate.evidence > 0 then
    add_evidence(rendered, candidate.evidence)
  end
  local from = WORDS[candidate.origin]
  if from then
    local text = 'from ' .. from .. (set.model and (' · ' .. set.model) or '')
    add(rendered, text, 'WhetstoneDetail')
  end
  return rendered
end

return M
