--- The Neovim client of Whetstone: it starts the server, and everything else is the server's.
---
--- Options, set before the first Python buffer is opened:
---   vim.g.whetstone = { cmd = { 'whetstone-lsp' }, settings = { diagnostics = 'on' } }
local M = {}

---@class whetstone.Options
---@field enabled? boolean start by itself in Python buffers (true)
---@field cmd? string[] command that starts the server
---@field root_markers? string[] files that mark the workspace folder
---@field settings? table<string, any> server settings, sent as initializationOptions

---@type whetstone.Options
local defaults = {
  enabled = true,
  cmd = { 'whetstone-lsp' },
  root_markers = { 'whetstone.toml', 'pyproject.toml', 'setup.cfg', '.git' },
  settings = {},
}

---@return whetstone.Options
local function options()
  return vim.tbl_deep_extend('force', defaults, vim.g.whetstone or {})
end

--- Start the server for a buffer, or attach the one that runs for its workspace already.
---@param buffer? integer
---@return integer? client_id
function M.start(buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local opts = options()
  if not opts.enabled or vim.bo[buffer].buftype ~= '' then
    return nil
  end
  if vim.fn.executable(opts.cmd[1]) == 0 then
    vim.notify_once(
      ('Whetstone: %s was not found; put it on the PATH or set vim.g.whetstone.cmd.'):format(
        opts.cmd[1]
      ),
      vim.log.levels.WARN
    )
    return nil
  end
  return vim.lsp.start({
    name = 'whetstone',
    cmd = opts.cmd,
    root_dir = vim.fs.root(buffer, opts.root_markers),
    init_options = opts.settings,
  }, { bufnr = buffer })
end

return M
