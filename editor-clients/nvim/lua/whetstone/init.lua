--- The Neovim client of Whetstone; see :help whetstone. No setup() is needed.
---
---   vim.g.whetstone = { cmd = { 'whetstone-lsp' }, settings = { diagnostics = 'on' } }
local M = {}

--- Start the server for a buffer by hand, where it does not start by itself.
---@param buffer? integer
---@return integer? client_id
function M.start(buffer)
  return require('whetstone.client').start(buffer)
end

--- A short text for the statusline: what the server does for the current buffer, or ''.
---@return string
function M.statusline()
  return require('whetstone.status').statusline()
end

return M
