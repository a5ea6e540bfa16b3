--- Lenses of this server alone: Keep and Revert over changed lines, Fix this test over tests.
local client_of = require('whetstone.client')
local config = require('whetstone.config')

local M = {}

--- Neovim 0.12 keeps lenses fresh by itself; before, they are asked for at these events.
local EVENTS = { 'BufEnter', 'TextChanged', 'InsertLeave', 'BufWritePost' }

---@param client vim.lsp.Client
---@param buffer integer
local function refresh(client, buffer)
  local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  client_of.request(client, 'textDocument/codeLens', params, buffer, function(err, result)
    if vim.api.nvim_buf_is_loaded(buffer) then
      local ctx = { client_id = client.id, bufnr = buffer, method = 'textDocument/codeLens' }
      vim.lsp.codelens.on_codelens(err, result, ctx)
    end
  end)
end

---@param client vim.lsp.Client
---@param buffer integer
function M.attach(client, buffer)
  if not config.get().codelens or not client.server_capabilities.codeLensProvider then
    return
  end
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { client_id = client.id })
    return
  end
  local group = vim.api.nvim_create_augroup('whetstone.lens.' .. buffer, {})
  vim.api.nvim_create_autocmd(EVENTS, {
    group = group,
    buffer = buffer,
    callback = function()
      if not vim.lsp.buf_is_attached(buffer, client.id) then
        return true -- the server is gone, and so is this autocommand
      end
      refresh(client, buffer)
    end,
  })
  refresh(client, buffer)
end

--- The server asked for it, after something changed that no edit shows.
---@param client_id integer
function M.refresh_all(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  for buffer in pairs(client and client.attached_buffers or {}) do
    refresh(client, buffer)
  end
end

return M
