--- `:Whetstone NAME`: one function for each name, and completion.
local candidates = require('whetstone.candidates')
local client_of = require('whetstone.client')
local fixes = require('whetstone.fixes')
local preview = require('whetstone.preview')

local M = {}

---@alias whetstone.Call { range: integer, line1: integer, line2: integer }

--- Run a command of the server and show the answer as `describe` puts it.
---@param command string
---@param arguments any[]
---@param describe fun(result: table): string, integer?
local function tell(command, arguments, describe)
  local client = client_of.need(client_of.get(0) and 0 or nil)
  if client then
    client_of.execute(client, command, arguments, function(result)
      client_of.notify(describe(type(result) == 'table' and result or {}))
    end)
  end
end

local switched_off = {} ---@type table<string, boolean>

---@param scope? string
---@param code? string
local function toggle(scope, code)
  scope = scope or 'file'
  local diagnostic = vim.diagnostic.get(0, { lnum = vim.api.nvim_win_get_cursor(0)[1] - 1 })[1]
  local argument = { scope = scope, uri = vim.uri_from_bufnr(0) }
  if scope == 'code' then
    argument.code = code or (diagnostic and diagnostic.code and tostring(diagnostic.code))
    if not argument.code then
      client_of.notify('name a rule code, such as E501', vim.log.levels.WARN)
      return
    end
  end
  local what = argument.code or (scope == 'file' and 'this file') or 'this workspace'
  local client = client_of.get(0) -- a new server knows nothing of it
  local name = scope == 'workspace' and '' or argument.code or argument.uri
  local key = ('%s %s %s'):format(client and client.id or '', scope, name)
  local command = switched_off[key] and 'whetstone.enable' or 'whetstone.disable'
  tell(command, { argument }, function(result)
    switched_off[key] = result.disabled == true or nil
    return ('%s for %s, until Neovim is left'):format(result.disabled and 'off' or 'on again', what)
  end)
end

---@type table<string, fun(call: whetstone.Call, first: string?, second: string?)>
local commands = {
  preview = function()
    preview.at_cursor()
  end,
  accept = function()
    if preview.is_open() then
      preview.accept()
      return
    end
    candidates.at_cursor(function(set)
      if set.candidates[1] then
        candidates.apply(set, set.candidates[1])
      end
    end)
  end,
  reject = function()
    if preview.is_open() then
      preview.reject()
      return
    end
    candidates.reject_standing(function(found)
      client_of.notify(
        found and 'rejected' or 'there is nothing to reject here; preview a fix first'
      )
    end)
  end,
  next = function()
    if preview.is_open() then
      preview.next()
    elseif fixes.jump(1) then
      preview.at_cursor()
    end
  end,
  previous = function()
    if preview.is_open() then
      preview.previous()
    elseif fixes.jump(-1) then
      preview.at_cursor()
    end
  end,
  retrain = function()
    tell('whetstone.retrain', {}, function(result)
      if result.started then
        return 'retraining began; progress is shown, and the gate decides'
      end
      return client_of.value(result.reason) or 'retraining did not start', vim.log.levels.WARN
    end)
  end,
  rollback = function()
    tell('whetstone.rollback', {}, function(result)
      if client_of.value(result.model) then
        return ('%s serves again'):format(result.model)
      end
      return client_of.value(result.reason) or 'there is no earlier model', vim.log.levels.WARN
    end)
  end,
  restart = function()
    client_of.restart()
  end,
  status = function()
    require('whetstone.status').show()
  end,
  prefs = function()
    local client = client_of.need(client_of.get(0) and 0 or nil)
    if client then
      client_of.execute(client, 'whetstone.preferences', {}, function(result)
        client_of.show(client_of.value(result.text) or 'nothing is stored yet')
      end)
    end
  end,
  traceback = function(call, register)
    require('whetstone.traceback').run(call, register)
  end,
  test = function(_, which)
    require('whetstone.traceback').test(which)
  end,
  toggle = function(_, scope, code)
    toggle(scope, code)
  end,
  log = function()
    local log = require('vim.lsp.log')
    vim.cmd.tabedit(vim.fn.fnameescape(log.get_filename()))
    vim.cmd('normal! G')
  end,
}

local arguments = {
  toggle = { 'file', 'workspace', 'code' },
  test = { 'last' },
}

---@param call table what nvim_create_user_command hands over
function M.run(call)
  local name, first, second = unpack(call.fargs)
  name = name or 'preview'
  local command = commands[name]
  if not command then
    local text = ('%s is not a command; there are %s'):format(
      name,
      table.concat(M.complete('', 'Whetstone '), ', ')
    )
    client_of.notify(text, vim.log.levels.ERROR)
    return
  end
  local allowed = arguments[name]
  local free = name == 'traceback' or name == 'test' or first == nil
  if not free and not vim.tbl_contains(allowed or {}, first) then
    local text = allowed and ('%s takes %s'):format(name, table.concat(allowed, ', '))
      or name .. ' takes no argument'
    client_of.notify(text, vim.log.levels.ERROR)
    return
  end
  command(call, first, second)
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local words = vim.split(line:gsub("^[%d%s,.$%%'<>]*Whetstone%s+", ''), '%s+')
  local choices = #words > 1 and (arguments[words[1]] or {}) or vim.tbl_keys(commands)
  choices = vim.tbl_filter(function(choice)
    return vim.startswith(choice, lead)
  end, choices)
  table.sort(choices)
  return choices
end

return M
