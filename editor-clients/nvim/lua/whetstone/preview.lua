--- The floating preview: one candidate at a time, and keys to decide.
local candidates = require('whetstone.candidates')
local client_of = require('whetstone.client')
local config = require('whetstone.config')
local highlight = require('whetstone.highlight')
local render = require('whetstone.render')

local M = {}

local namespace = vim.api.nvim_create_namespace('whetstone.preview')

---@class whetstone.Preview
---@field set whetstone.Candidates
---@field index integer
---@field buffer integer
---@field window integer
---@field help boolean

---@type whetstone.Preview?
local current

local KEYS = {
  { 'a', 'accept', 'accept: apply this fix' },
  { 'r', 'reject', 'reject: never offer it here again' },
  { 'n', 'next', 'the next fix' },
  { 'p', 'previous', 'the previous fix' },
  { 'q', 'close', 'close, decide nothing' },
  { '?', 'help', 'this list' },
}

---@return boolean
function M.is_open()
  return current ~= nil and vim.api.nvim_win_is_valid(current.window)
end

---@param preview whetstone.Preview
---@param lines string[]
---@return vim.api.keyset.win_config
local function geometry(preview, lines)
  local footer = {}
  for _, key in ipairs(KEYS) do
    footer[#footer + 1] = { (' %s'):format(key[1]), 'Special' }
    footer[#footer + 1] = { (' %s '):format(key[2]), 'FloatFooter' }
  end
  local count = #preview.set.candidates
  local place = count > 1 and (' %d of %d'):format(preview.index, count) or ''
  local problem = preview.set.problem and (' · ' .. preview.set.problem) or ''
  local width = 60
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  local title = (' Whetstone%s%s '):format(place, problem)
  width = math.max(width, vim.fn.strdisplaywidth(title))
  local border = config.get().border
  if border == 'winborder' then
    border = vim.fn.exists('+winborder') == 1 and vim.o.winborder ~= '' and vim.o.winborder
      or 'none'
  end
  return {
    width = math.max(1, math.min(width, vim.o.columns - 4)),
    height = math.max(1, math.min(#lines, vim.o.lines - 4)),
    border = border,
    title = border ~= 'none' and title or nil,
    footer = border ~= 'none' and footer or nil,
  }
end

---@param preview whetstone.Preview
---@return string[]
local function draw(preview)
  local set = preview.set
  local rendered = render.candidate(set, set.candidates[preview.index], config.get().context)
  local lines = rendered.lines
  if preview.help then
    lines[#lines + 1] = ''
    for _, key in ipairs(KEYS) do
      lines[#lines + 1] = ('%s  %s'):format(key[1], key[3])
    end
  end
  vim.bo[preview.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(preview.buffer, 0, -1, false, lines)
  vim.bo[preview.buffer].modifiable = false
  vim.api.nvim_buf_clear_namespace(preview.buffer, namespace, 0, -1)
  for _, mark in ipairs(rendered.marks) do
    local options = mark.from and { end_col = mark.to, hl_group = mark.group, priority = 200 }
      or { line_hl_group = mark.group }
    vim.api.nvim_buf_set_extmark(preview.buffer, namespace, mark.line, mark.from or 0, options)
  end
  return lines
end

local function redraw()
  local preview = assert(current)
  local lines = draw(preview)
  vim.api.nvim_win_set_config(preview.window, geometry(preview, lines))
end

---@param preview whetstone.Preview
local function map_keys(preview)
  for _, key in ipairs(KEYS) do
    vim.keymap.set('n', key[1], M[key[2]], {
      buffer = preview.buffer,
      nowait = true,
      desc = 'Whetstone: ' .. key[3],
    })
  end
  vim.keymap.set('n', '<Esc>', M.close, { buffer = preview.buffer, nowait = true })
  vim.api.nvim_create_autocmd('WinLeave', {
    buffer = preview.buffer,
    callback = function()
      vim.schedule(M.close)
    end,
  })
end

--- Show candidates in a float at the cursor, and go there.
---@param set whetstone.Candidates
function M.open(set)
  M.close()
  if #set.candidates == 0 then
    return
  end
  highlight.define()
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].bufhidden = 'wipe'
  local preview = { set = set, index = 1, buffer = buffer, window = -1, help = false }
  local shape = geometry(preview, draw(preview))
  shape.relative, shape.row, shape.col, shape.style = 'cursor', 1, 0, 'minimal'
  preview.window = vim.api.nvim_open_win(buffer, true, shape)
  current = preview
  vim.wo[preview.window].wrap = false
  vim.bo[buffer].filetype = 'whetstone'
  map_keys(preview)
end

--- `:Whetstone preview`
function M.at_cursor()
  local window = vim.api.nvim_get_current_win()
  candidates.at_cursor(function(set)
    local here = vim.api.nvim_get_current_win() == window
    if here and vim.api.nvim_buf_get_changedtick(set.buffer) == set.tick then
      M.open(set)
    end
  end)
end

function M.close()
  local preview = current
  current = nil
  if preview and vim.api.nvim_win_is_valid(preview.window) then
    vim.api.nvim_win_close(preview.window, true)
  end
end

function M.help()
  local preview = assert(current)
  preview.help = not preview.help
  redraw()
end

---@param step integer
local function turn(step)
  local preview = assert(current)
  local count = #preview.set.candidates
  if count == 1 then
    client_of.notify('this is the only fix that was proved')
  end
  preview.index = (preview.index - 1 + step) % count + 1
  redraw()
end

function M.next()
  turn(1)
end

function M.previous()
  turn(-1)
end

--- Apply what is shown.
function M.accept()
  local preview = assert(current)
  M.close()
  candidates.apply(preview.set, preview.set.candidates[preview.index])
end

--- Say no to what is shown; the next one takes its place.
function M.reject()
  local preview = assert(current)
  local set = preview.set
  candidates.reject(set, table.remove(set.candidates, preview.index))
  if #set.candidates == 0 then
    M.close()
    client_of.notify('rejected; no other fix is left here')
    return
  end
  preview.index = math.min(preview.index, #set.candidates)
  redraw()
end

return M
