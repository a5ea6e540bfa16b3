--- :checkhealth whetstone
local client_of = require('whetstone.client')
local config = require('whetstone.config')

local M = {}

local INSTALL = {
  'In the folder of Whetstone: make setup',
  "then: vim.g.whetstone = { cmd = { '/path/to/whetstone/.venv/bin/whetstone-lsp' } }",
}

local function check_neovim()
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.10') == 0 then
    vim.health.error('Neovim ' .. version .. ': 0.10 or newer is needed')
  elseif vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. version .. ': started through vim.lsp.enable()')
  else
    vim.health.ok('Neovim ' .. version .. ': started through vim.lsp.start()')
  end
end

local function check_options()
  local unknown = config.unknown()
  if #unknown > 0 then
    local known = vim.tbl_keys(config.defaults)
    table.sort(known)
    vim.health.warn(
      'vim.g.whetstone: no such option: ' .. table.concat(unknown, ', '),
      { 'Options are ' .. table.concat(known, ', ') }
    )
  end
  if not config.get().enabled then
    vim.health.info('vim.g.whetstone.enabled is false: nothing starts by itself')
  end
end

local function check_server()
  local command = config.get().cmd
  local path = vim.fn.exepath(command[1])
  if path == '' then
    vim.health.error(command[1] .. ' was not found', INSTALL)
    return
  end
  local ok, process = pcall(vim.system, { path, '--version' }, { text = true, timeout = 20000 })
  local done = ok and process:wait() or nil
  if not done or done.code ~= 0 then
    local said = done and vim.trim(done.stderr or '') or tostring(process)
    vim.health.error(('%s does not run: %s'):format(path, said), INSTALL)
    return
  end
  vim.health.ok(('%s: %s'):format(path, vim.trim(done.stdout)))
end

---@param client vim.lsp.Client
local function check_client(client)
  local folder = client.root_dir or client.config.root_dir or 'no folder'
  local buffers = vim.tbl_count(client.attached_buffers)
  vim.health.ok(('client %d: %s, %d buffers'):format(client.id, folder, buffers))
  local status = require('whetstone.status').get(client)
  if status then
    local model = client_of.value(status.model)
    if model then
      vim.health.ok('model: ' .. model)
    end
    vim.health.info(('state: %s, %s'):format(status.state, client_of.value(status.text) or ''))
  end
  if not client_of.knows(client, 'whetstone.candidates') then
    vim.health.warn(
      'the server is older than this plugin: previews come from code actions, without evidence',
      { 'Update the server: pip install --upgrade in its environment' }
    )
  end
end

function M.check()
  vim.health.start('whetstone')
  check_neovim()
  check_options()
  check_server()
  local clients = vim.lsp.get_clients({ name = client_of.NAME })
  for _, client in ipairs(clients) do
    check_client(client)
  end
  if #clients == 0 then
    vim.health.info('no client runs; open a Python file, or see :Whetstone log')
  end
end

return M
