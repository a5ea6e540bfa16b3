--- The connection: how the server is started, and requests that work in every supported Neovim.
local config = require('whetstone.config')

local M = {}

M.NAME = 'whetstone'

local missing_server = 'Whetstone: %s was not found; put it on the PATH or set vim.g.whetstone.cmd'

---@param text string
---@param level? integer
function M.notify(text, level)
  vim.notify('Whetstone: ' .. text, level or vim.log.levels.INFO)
end

--- Several lines in a float that goes away when the cursor moves; one line as a message.
---@param text string
function M.show(text)
  local lines = vim.split(vim.trim(text), '\n')
  if #lines == 1 then
    M.notify(lines[1])
    return
  end
  local border = config.get().border
  vim.lsp.util.open_floating_preview(lines, 'text', { border = border, title = ' Whetstone ' })
end

--- Answer a refresh of the lenses: Neovim before 0.12 does not.
---@param _ any
---@param ctx lsp.HandlerContext
---@return any
local function refresh_lenses(_, _, ctx)
  require('whetstone.lens').refresh_all(ctx.client_id)
  return vim.NIL
end

--- The same for diagnostics, which this client pulls.
---@param _ any
---@param ctx lsp.HandlerContext
---@return any
local function refresh_diagnostics(_, _, ctx)
  local client = assert(vim.lsp.get_client_by_id(ctx.client_id))
  for buffer in pairs(client.attached_buffers) do
    local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
    M.request(client, 'textDocument/diagnostic', params, buffer, function(err, result)
      if not err and result and vim.api.nvim_buf_is_loaded(buffer) then
        local context = { client_id = client.id, bufnr = buffer, params = params }
        vim.lsp.diagnostic.on_diagnostic(err, result, context)
      end
    end)
  end
  return vim.NIL
end

---@return table
local function capabilities()
  local own = {
    experimental = { whetstone = { status = true, fixes = true, preview = true } },
    workspace = {
      codeLens = { refreshSupport = true },
      diagnostics = { refreshSupport = true },
    },
  }
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), own)
end

--- What `vim.lsp.start` and `vim.lsp.config` both take.
---@return table
function M.config()
  local options = config.get()
  local settings = next(options.settings) and options.settings or vim.empty_dict()
  local handlers = {
    ['whetstone/status'] = function(_, payload, ctx)
      require('whetstone.status').update(ctx.client_id, payload)
    end,
    ['whetstone/fixes'] = function(_, payload, ctx)
      require('whetstone.fixes').update(ctx.client_id, payload)
    end,
  }
  if not vim.lsp.codelens.enable then
    handlers['workspace/codeLens/refresh'] = refresh_lenses
  end
  if not vim.lsp.handlers['workspace/diagnostic/refresh'] then
    handlers['workspace/diagnostic/refresh'] = refresh_diagnostics
  end
  return {
    name = M.NAME,
    cmd = options.cmd,
    init_options = settings,
    settings = { whetstone = settings },
    capabilities = capabilities(),
    handlers = handlers,
    on_exit = function(code, signal, id)
      vim.schedule(function()
        M.ended(code, signal, id)
      end)
    end,
  }
end

--- Whether a buffer is one to serve, and the server can be started. Says so once when it cannot.
---@param buffer integer
---@return boolean
function M.wanted(buffer)
  local options = config.get()
  if not options.enabled or vim.bo[buffer].buftype ~= '' then
    return false
  end
  if vim.fn.executable(options.cmd[1]) == 0 then
    vim.notify_once(missing_server:format(options.cmd[1]), vim.log.levels.WARN)
    return false
  end
  return true
end

--- Start the server for a buffer, or attach the one that runs for its workspace already.
---@param buffer? integer
---@return integer? client_id
function M.start(buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  if not M.wanted(buffer) then
    return nil
  end
  local settings = vim.lsp.config and vim.deepcopy(vim.lsp.config[M.NAME]) or M.config()
  settings.root_dir = vim.fs.root(buffer, config.get().root_markers)
  return vim.lsp.start(settings, { bufnr = buffer })
end

--- The same for every Python buffer that is loaded.
function M.start_all()
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].filetype == 'python' then
      M.start(buffer)
    end
  end
end

--- As often as the VS Code extension does it, too.
local MOST_CRASHES, WITHIN_MS = 4, 3 * 60000
local crashes = {} ---@type number[]
local restarting = {} ---@type table<integer, boolean>

--- A server has ended. One that nobody told to is started again, but not for ever.
---@param code integer
---@param signal integer
---@param id integer
function M.ended(code, signal, id)
  if vim.v.exiting ~= vim.NIL then
    return
  end
  if vim.lsp.get_client_by_id(id) then -- Neovim still counts it among those that run
    vim.defer_fn(function()
      M.ended(code, signal, id)
    end, 20)
    return
  end
  if restarting[id] then
    restarting[id] = nil
    M.start_all()
  elseif code ~= 0 or (signal ~= 0 and signal ~= 15) then -- Neovim itself stops with 15
    local now = vim.uv.now()
    crashes = vim.tbl_filter(function(time)
      return now - time < WITHIN_MS
    end, crashes)
    crashes[#crashes + 1] = now
    if #crashes <= MOST_CRASHES then
      M.notify('the server ended by itself and is started again', vim.log.levels.WARN)
      M.start_all()
    else
      local text = 'the server ended by itself several times; :Whetstone restart starts it again'
      M.notify(text, vim.log.levels.ERROR)
    end
  end
end

--- `:Whetstone restart`
function M.restart()
  crashes = {}
  local clients = vim.lsp.get_clients({ name = M.NAME })
  for _, client in ipairs(clients) do
    restarting[client.id] = true
    if vim.fn.has('nvim-0.11') == 1 then
      client:stop()
    else
      ---@diagnostic disable-next-line: missing-parameter
      client.stop()
    end
  end
  if #clients == 0 then
    M.start_all()
  end
end

--- The client of a buffer; without a buffer, any that runs.
---@param buffer? integer
---@return vim.lsp.Client?
function M.get(buffer)
  return vim.lsp.get_clients({ bufnr = buffer, name = M.NAME })[1]
end

--- The same, and a message when there is none.
---@param buffer? integer
---@return vim.lsp.Client?
function M.need(buffer)
  local client = M.get(buffer)
  if not client then
    M.notify('no server for this buffer; :checkhealth whetstone says why', vim.log.levels.WARN)
  end
  return client
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param buffer integer
---@param callback fun(err: table?, result: any)
function M.request(client, method, params, buffer, callback)
  local function answer(err, result)
    callback(err, result)
  end
  if vim.fn.has('nvim-0.11') == 1 then
    client:request(method, params, answer, buffer)
  else
    ---@diagnostic disable-next-line: param-type-mismatch
    client.request(method, params, answer, buffer)
  end
end

--- Does the server know a command? An older one may not.
---@param client vim.lsp.Client
---@param command string
---@return boolean
function M.knows(client, command)
  local commands = vim.tbl_get(client.server_capabilities, 'executeCommandProvider', 'commands')
  return vim.tbl_contains(commands or {}, command)
end

--- Run a command of the server. What goes wrong is shown, and `callback` then not called.
---@param client vim.lsp.Client
---@param command string
---@param arguments any[]
---@param callback? fun(result: any)
function M.execute(client, command, arguments, callback)
  if not M.knows(client, command) then
    M.notify(('this server does not know %s; update it'):format(command), vim.log.levels.WARN)
    return
  end
  local params = { command = command, arguments = arguments }
  local buffer = vim.api.nvim_get_current_buf()
  M.request(client, 'workspace/executeCommand', params, buffer, function(err, result)
    if err then
      M.notify(err.message or 'the server answered with an error', vim.log.levels.ERROR)
    elseif callback then
      callback(result)
    end
  end)
end

--- A JSON null is no value, nor is an empty text.
---@generic T
---@param value T
---@return T?
function M.value(value)
  if value == vim.NIL or value == '' then
    return nil
  end
  return value
end

return M
