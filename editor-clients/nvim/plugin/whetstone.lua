-- Starts whetstone-lsp for Python buffers. No setup() is needed; see :help whetstone.
if vim.g.loaded_whetstone then
  return
end
vim.g.loaded_whetstone = true

if vim.fn.has('nvim-0.10') == 0 then
  vim.notify_once('Whetstone needs Neovim 0.10 or newer.', vim.log.levels.WARN)
  return
end

local group = vim.api.nvim_create_augroup('whetstone', {})

vim.api.nvim_create_user_command('Whetstone', function(call)
  require('whetstone.commands').run(call)
end, {
  nargs = '*',
  range = true,
  desc = 'Whetstone: preview, accept or reject fixes, and more',
  complete = function(lead, line)
    return require('whetstone.commands').complete(lead, line)
  end,
})

for _, name in ipairs({ 'preview', 'accept', 'reject', 'next', 'previous', 'test', 'status' }) do
  vim.keymap.set('n', ('<Plug>(whetstone-%s)'):format(name), ('<Cmd>Whetstone %s<CR>'):format(name))
end
vim.keymap.set('x', '<Plug>(whetstone-traceback)', ':Whetstone traceback<CR>')
vim.keymap.set('n', '<Plug>(whetstone-lens)', function()
  vim.lsp.codelens.run()
end)

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(args)
    local client = vim.lsp.get_client_by_id(args.data.client_id)
    if client and client.name == 'whetstone' then
      require('whetstone.lens').attach(client, args.buf)
    end
  end,
})
vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  callback = function(args)
    local client = vim.lsp.get_client_by_id(args.data.client_id)
    if client and client.name == 'whetstone' then
      require('whetstone.fixes').forget(args.buf)
    end
  end,
})

-- Since 0.11 lsp/whetstone.lua is all that is needed, but a server that is not there goes unsaid.
local has_enable = vim.lsp.config ~= nil
if has_enable and require('whetstone.config').get().enabled then
  vim.lsp.enable('whetstone')
end
vim.api.nvim_create_autocmd('FileType', {
  group = group,
  pattern = 'python',
  callback = function(args)
    local client = require('whetstone.client')
    if has_enable then
      client.wanted(args.buf)
    else
      client.start(args.buf)
    end
  end,
})

-- Loaded late, by :packadd or a plugin manager: buffers that are open already are served too, which
-- vim.lsp.enable() sees to by itself.
if vim.v.vim_did_enter == 1 and not has_enable then
  require('whetstone.client').start_all()
end
