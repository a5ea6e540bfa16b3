--- What the server is doing, and why it offers nothing where it does not.
local client_of = require('whetstone.client')

local M = {}

---@class whetstone.Status
---@field state 'idle'|'loading'|'preparing'|'fixing'|'training'|'off'|'error'
---@field text string at most 40 characters
---@field detail? string
---@field model? string
---@field uri? string
---@field ready? integer

---@type table<integer, whetstone.Status>
local by_client = {}

--- whetstone/status
---@param client_id integer
---@param payload whetstone.Status
function M.update(client_id, payload)
  by_client[client_id] = payload
  vim.api.nvim_exec_autocmds(
    'User',
    { pattern = 'WhetstoneStatus', data = payload, modeline = false }
  )
  vim.cmd.redrawstatus({ bang = true })
end

---@param client vim.lsp.Client
---@return whetstone.Status?
function M.get(client)
  return by_client[client.id]
end

---@return string
function M.statusline()
  local client = client_of.get(vim.api.nvim_get_current_buf())
  if not client then
    return ''
  end
  local status = by_client[client.id]
  local text = status and client_of.value(status.text)
  return text and 'whetstone: ' .. text or 'whetstone'
end

---@param status whetstone.Status
local function tell(status)
  local lines = { client_of.value(status.text) or status.state }
  if client_of.value(status.model) then
    lines[1] = ('%s (%s)'):format(lines[1], status.model)
  end
  if client_of.value(status.detail) then
    lines[#lines + 1] = status.detail
  end
  client_of.show(table.concat(lines, '\n'))
end

--- `:Whetstone status`
function M.show()
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of.need(buffer)
  if not client then
    return
  end
  if not client_of.knows(client, 'whetstone.status') then
    tell(by_client[client.id] or { state = 'idle', text = 'the server runs' })
    return
  end
  local arguments = { { uri = vim.uri_from_bufnr(buffer) } }
  client_of.execute(client, 'whetstone.status', arguments, function(status)
    tell(client_of.value(status) or { state = 'idle', text = 'the server runs' })
  end)
end

return M
