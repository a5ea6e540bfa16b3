--- From a traceback, or a failing test, to the lines that it names.
local client_of = require('whetstone.client')

local M = {}

local MAX_LINES = 400

---@class whetstone.Location
---@field uri string
---@field range lsp.Range
---@field message string
---@field key? string

--- Go to the first location; several fill the quickfix list.
---@param client vim.lsp.Client
---@param locations whetstone.Location[]
---@param title string
function M.show(client, locations, title)
  if #locations == 0 then
    return
  end
  local items = {}
  for _, location in ipairs(locations) do
    -- One by one: Neovim sorts several, and the first is the innermost frame.
    local item = vim.lsp.util.locations_to_items({ location }, client.offset_encoding)[1]
    item.text = location.message
    item.type = 'E'
    items[#items + 1] = item
  end
  vim.fn.setqflist({}, ' ', { title = title, items = items })
  if #items > 1 then
    vim.cmd('botright copen ' .. math.min(#items, 8))
    vim.cmd.wincmd('p')
  end
  vim.cmd.cfirst()
end

---@param client vim.lsp.Client
---@param result { locations: whetstone.Location[], reason: string? }
---@param title string of the list of places
local function follow(client, result, title)
  local reason = client_of.value(result.reason)
  if #result.locations == 0 then
    local text = reason or 'no line of this workspace is in it'
    client_of.notify(text, vim.log.levels.WARN)
    return
  end
  M.show(client, result.locations, title)
end

--- The rows of a terminal as lines: a full row goes on in the next.
---@param rows string[]
---@return string
local function unwrap(rows)
  local window = vim.fn.getwininfo(vim.api.nvim_get_current_win())[1]
  local width = window.width - window.textoff
  local text = {}
  for _, row in ipairs(rows) do
    text[#text + 1] = row
    text[#text + 1] = vim.fn.strdisplaywidth(row) < width and '\n' or nil
  end
  return table.concat(text)
end

--- The end of a terminal's output, or the lines of a range, or a register.
---@param call { range: integer, line1: integer, line2: integer }
---@param register? string
---@return string
local function text_of(call, register)
  if register then
    return vim.fn.getreg(register)
  end
  local first, last = call.line1 - 1, call.line2
  if call.range == 0 then
    if vim.bo.buftype ~= 'terminal' then
      return vim.fn.getreg('+') ~= '' and vim.fn.getreg('+') or vim.fn.getreg('"')
    end
    last = vim.api.nvim_buf_line_count(0)
    first = math.max(0, last - MAX_LINES)
  end
  local lines = vim.api.nvim_buf_get_lines(0, first, last, false)
  return vim.bo.buftype == 'terminal' and unwrap(lines) or table.concat(lines, '\n')
end

--- `:[range]Whetstone traceback [register]`
---@param call { range: integer, line1: integer, line2: integer }
---@param register? string
function M.run(call, register)
  local text = text_of(call, register)
  local client = client_of.get(vim.api.nvim_get_current_buf()) or client_of.need()
  if not client then
    return
  end
  if not text:find('%S') then
    local hint = 'select a traceback, yank one, or run this in the terminal that shows it'
    client_of.notify(hint, vim.log.levels.WARN)
    return
  end
  local argument = { text = text }
  if vim.bo.buftype == '' then
    argument.uri = vim.uri_from_bufnr(0)
  end
  client_of.execute(client, 'whetstone.traceback', { argument }, function(result)
    follow(client, result, 'Whetstone: traceback')
  end)
end

--- The pytest node id of the test that the cursor is in, without its file.
---@return string?
local function test_at_cursor()
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local name, indent
  for number = row, 1, -1 do
    local line = vim.api.nvim_buf_get_lines(0, number - 1, number, false)[1]
    local space, found = line:match('^(%s*)def%s+(test[%w_]*)%s*%(')
    if not found then
      space, found = line:match('^(%s*)async%s+def%s+(test[%w_]*)%s*%(')
    end
    if not name and found then
      name, indent = found, #space
    elseif name and indent > 0 then
      local outer, class = line:match('^(%s*)class%s+([%w_]+)')
      if class and #outer < indent then
        name, indent = class .. '::' .. name, #outer
      end
    end
  end
  return name
end

---@param client vim.lsp.Client
---@class whetstone.TestResult
---@field passed? boolean
---@field summary? string said by the server itself
---@field locations? whetstone.Location[]

--- `:Whetstone test`: run the test at the cursor, and prepare fixes that make it pass.
--- `:Whetstone test last`: go to where pytest's last failures were.
---@param which? string
function M.test(which)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of.need(buffer)
  if not client then
    return
  end
  if which == 'last' then
    client_of.execute(client, 'whetstone.lastFailed', { vim.empty_dict() }, function(result)
      follow(client, result, 'Whetstone: last failures')
    end)
    return
  end
  local name = which or test_at_cursor()
  if not name then
    client_of.notify('the cursor is not in a test function', vim.log.levels.WARN)
    return
  end
  if not name:find('%.py') then
    local root = client.root_dir or client.config.root_dir or vim.fn.getcwd()
    local file = vim.api.nvim_buf_get_name(buffer)
    local relative = vim.startswith(file, root .. '/') and file:sub(#root + 2) or file
    name = relative .. '::' .. name
  end
  local argument = { uri = vim.uri_from_bufnr(buffer), test = name }
  client_of.execute(client, 'whetstone.test', { argument }, function(result)
    ---@cast result whetstone.TestResult
    if result.passed ~= true then
      M.show(client, client_of.value(result.locations) or {}, 'Whetstone: test')
    end
  end)
end

return M
