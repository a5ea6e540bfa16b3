--- Which lines of which buffer have a fix ready, and the mark at their end.
local client_of = require('whetstone.client')
local config = require('whetstone.config')

local M = {}

---@class whetstone.Fix
---@field key string
---@field range lsp.Range
---@field code? string
---@field title? string
---@field proved? string
---@field candidates? integer
---@field state 'ready'|'none'|'preparing'
---@field reason? string

local namespace = vim.api.nvim_create_namespace('whetstone.fixes')

---@type table<integer, whetstone.Fix[]>
local by_buffer = {}
---@type table<integer, integer?> the version of the text that they are for
local versions = {}

---@param buffer integer
---@param fixes whetstone.Fix[]
local function draw(buffer, fixes)
  vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  local options = config.get()
  if not options.virtual_text then
    return
  end
  require('whetstone.highlight').define()
  local last = vim.api.nvim_buf_line_count(buffer) - 1
  for _, fix in ipairs(fixes) do
    if fix.state == 'ready' then
      local text = ('%s %s'):format(options.mark, client_of.value(fix.title) or 'fix ready')
      vim.api.nvim_buf_set_extmark(buffer, namespace, math.min(fix.range.start.line, last), 0, {
        virt_text = { { text, 'WhetstoneReady' } },
        virt_text_pos = 'eol',
        priority = 100, -- before the diagnostic's own text, which may be long
        hl_mode = 'combine',
      })
    end
  end
end

--- Lines that are edited lose their mark at once; the server sends what is true of them then.
---@param buffer integer
local function follow(buffer)
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = function(_, _, _, first, _, last)
      if not by_buffer[buffer] then
        return true
      end
      vim.api.nvim_buf_clear_namespace(buffer, namespace, first, math.max(last, first + 1))
    end,
  })
end

--- whetstone/fixes: what is prepared for one version of a document.
---@param client_id integer
---@param payload { uri: string, version: integer?, fixes: whetstone.Fix[] }
function M.update(client_id, payload)
  local buffer = vim.uri_to_bufnr(payload.uri)
  local client = vim.lsp.get_client_by_id(client_id)
  if not client or not vim.api.nvim_buf_is_loaded(buffer) then
    return
  end
  local version = client_of.value(payload.version)
  local current = vim.lsp.util.buf_versions[buffer]
  if version and current and version < current then
    return -- typed on meanwhile; what is true of the new text comes in its own message
  end
  if not by_buffer[buffer] then
    follow(buffer)
  end
  by_buffer[buffer], versions[buffer] = payload.fixes, version
  draw(buffer, payload.fixes)
end

---@param buffer integer
function M.forget(buffer)
  by_buffer[buffer], versions[buffer] = nil, nil
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  end
end

--- The fix that is marked on a line, while the text is the one that it was found for. Of several,
--- the one that makes a test pass: somebody has asked for it.
---@param buffer integer
---@param line integer 0-based
---@return whetstone.Fix?
function M.ready_at(buffer, line)
  if versions[buffer] ~= vim.lsp.util.buf_versions[buffer] then
    return nil
  end
  local first
  for _, fix in ipairs(by_buffer[buffer] or {}) do
    if fix.state == 'ready' and fix.range.start.line == line then
      if (client_of.value(fix.proved) or ''):find('test passes', 1, true) then
        return fix
      end
      first = first or fix
    end
  end
  return first
end

--- 0-based lines with something to look at: ready fixes; where nobody tells us of those, problems.
---@param buffer integer
---@return integer[]
local function stops(buffer)
  local lines = {}
  if by_buffer[buffer] then
    for _, fix in ipairs(by_buffer[buffer]) do
      if fix.state == 'ready' then
        lines[#lines + 1] = fix.range.start.line
      end
    end
  else
    for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
      lines[#lines + 1] = diagnostic.lnum
    end
  end
  table.sort(lines)
  return lines
end

--- Move the cursor to the next line with a fix, or the previous one, around the end of the file.
---@param step 1|-1
---@return boolean moved
function M.jump(step)
  local here = vim.api.nvim_win_get_cursor(0)[1] - 1
  local lines = stops(vim.api.nvim_get_current_buf())
  local first, last = lines[1], lines[#lines]
  if not first then
    client_of.notify('no fix is ready in this buffer')
    return false
  end
  local target = step > 0 and first or last
  for index = step > 0 and #lines or 1, step > 0 and 1 or #lines, -step do
    if (lines[index] - here) * step > 0 then
      target = lines[index]
    end
  end
  vim.cmd("normal! m'")
  vim.api.nvim_win_set_cursor(0, { target + 1, 0 })
  vim.cmd('normal! ^')
  return true
end

return M
