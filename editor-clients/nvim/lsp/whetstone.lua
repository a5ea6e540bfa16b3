-- Neovim 0.11 and newer: `vim.lsp.config('whetstone', {...})` adds to this.
local client = require('whetstone.client')
local options = require('whetstone.config').get()

return vim.tbl_extend('force', client.config(), {
  filetypes = { 'python' },
  root_dir = function(buffer, on_dir)
    if client.wanted(buffer) then
      on_dir(vim.fs.root(buffer, options.root_markers))
    end
  end,
})
