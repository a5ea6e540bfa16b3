-- Starts whetstone-lsp for Python buffers. No setup() is needed; see lua/whetstone/init.lua.
if vim.g.loaded_whetstone then
  return
end
vim.g.loaded_whetstone = true

vim.api.nvim_create_autocmd('FileType', {
  group = vim.api.nvim_create_augroup('whetstone', {}),
  pattern = 'python',
  callback = function(args)
    require('whetstone').start(args.buf)
  end,
})
