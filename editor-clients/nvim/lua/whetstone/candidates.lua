--- The fixes for one problem, best first, with what was proved about each.
---
--- From `whetstone.candidates` where the server knows it, else from ordinary code actions.
local client_of = require('whetstone.client')

local M = {}

---@class whetstone.Evidence
---@field name string
---@field passed boolean
---@field detail? string

---@class whetstone.Candidate
---@field id? string
---@field title string
---@field evidence? whetstone.Evidence[]
---@field origin? string 'rule', 'model' or 'both'
---@field edit lsp.WorkspaceEdit
---@field command? lsp.Command what to run after the edit, when it came as a code action

---@class whetstone.Candidates
---@field client_id integer
---@field buffer integer
---@field tick integer changedtick of the text that they are for
---@field line integer 0-based line of the problem
---@field suggestion? string
---@field problem? string
---@field model? string
---@field reason? string why there are none
---@field candidates whetstone.Candidate[]

---@param client vim.lsp.Client
---@param buffer integer
---@return whetstone.Candidates
local function empty(client, buffer)
  return {
    client_id = client.id,
    buffer = buffer,
    tick = vim.api.nvim_buf_get_changedtick(buffer),
    line = vim.api.nvim_win_get_cursor(0)[1] - 1,
    candidates = {},
  }
end

---@param client vim.lsp.Client
---@return lsp.TextDocumentPositionParams
local function position(client)
  return vim.lsp.util.make_position_params(0, client.offset_encoding)
end

---@param client vim.lsp.Client
---@param set whetstone.Candidates
---@param callback fun(set: whetstone.Candidates)
local function ask(client, set, callback)
  local at = position(client)
  local ready = require('whetstone.fixes').ready_at(set.buffer, set.line)
  local argument = { uri = at.textDocument.uri, position = at.position }
  if ready then
    argument = { uri = at.textDocument.uri, key = ready.key } -- the one that the mark tells of
  end
  client_of.execute(client, 'whetstone.candidates', { argument }, function(answer)
    for _, name in ipairs({ 'suggestion', 'problem', 'model', 'reason' }) do
      set[name] = client_of.value(answer[name])
    end
    set.candidates = answer.candidates
    if client_of.value(answer.range) then
      set.line = answer.range.start.line
    end
    callback(set)
  end)
end

---@param action table
---@return boolean
local function is_fix(action)
  local command = type(action.command) == 'table' and action.command.command or action.command
  return command ~= 'whetstone.reject' and (action.edit ~= nil or action.data ~= nil)
end

---@param client vim.lsp.Client
---@param buffer integer
---@param callback fun(actions: table[])
local function code_actions(client, buffer, callback)
  local at = position(client)
  local params = {
    textDocument = at.textDocument,
    range = { start = at.position, ['end'] = at.position },
    context = { diagnostics = {}, only = { 'quickfix' }, triggerKind = 1 },
  }
  client_of.request(client, 'textDocument/codeAction', params, buffer, function(err, actions)
    if err then
      client_of.notify(err.message or 'no code actions', vim.log.levels.ERROR)
      return
    end
    callback(vim.tbl_filter(is_fix, client_of.value(actions) or {}))
  end)
end

---@param set whetstone.Candidates
---@param actions table[]
local function fill(set, actions)
  for _, action in ipairs(actions) do
    if action.edit then
      set.candidates[#set.candidates + 1] = {
        title = action.title:gsub('^Whetstone: ', ''),
        edit = action.edit,
        command = action.command,
        suggestion = vim.tbl_get(action, 'command', 'arguments', 1),
        id = vim.tbl_get(action, 'command', 'arguments', 2),
      }
    end
  end
end

--- Resolving one tells the server to list them all.
---@param client vim.lsp.Client
---@param set whetstone.Candidates
---@param callback fun(set: whetstone.Candidates)
local function from_actions(client, set, callback)
  code_actions(client, set.buffer, function(actions)
    local first = actions[1]
    if not first or first.edit then
      fill(set, actions)
      callback(set)
      return
    end
    client_of.request(client, 'codeAction/resolve', first, set.buffer, function(_, resolved)
      if not resolved or not resolved.edit then
        set.reason = 'no fix could be proved'
        callback(set)
        return
      end
      code_actions(client, set.buffer, function(all)
        fill(set, all)
        callback(set)
      end)
    end)
  end)
end

--- The fixes at the cursor of the current window. `callback` may be called later, or never after
--- an error, which is then shown.
---@param callback fun(set: whetstone.Candidates)
function M.at_cursor(callback)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of.need(buffer)
  if not client then
    return
  end
  local set = empty(client, buffer)
  local source = client_of.knows(client, 'whetstone.candidates') and ask or from_actions
  source(client, set, function(found)
    if #found.candidates == 0 then
      client_of.notify(found.reason or 'no fix is offered on this line')
    end
    callback(found)
  end)
end

---@param set whetstone.Candidates
---@param candidate whetstone.Candidate
---@return any[] arguments of the server's commands
local function ids(set, candidate)
  if candidate.command then
    return candidate.command.arguments
  end
  return { set.suggestion, candidate.id }
end

--- Apply a candidate's edit, and tell the server that it is in.
---@param set whetstone.Candidates
---@param candidate whetstone.Candidate
---@return boolean applied
function M.apply(set, candidate)
  local client = vim.lsp.get_client_by_id(set.client_id)
  if not client or vim.api.nvim_buf_get_changedtick(set.buffer) ~= set.tick then
    client_of.notify('the text changed meanwhile; preview again', vim.log.levels.WARN)
    return false
  end
  vim.lsp.util.apply_workspace_edit(candidate.edit, client.offset_encoding)
  client_of.execute(client, 'whetstone.applied', ids(set, candidate))
  return true
end

--- Say no to a candidate.
---@param set whetstone.Candidates
---@param candidate whetstone.Candidate
function M.reject(set, candidate)
  local client = vim.lsp.get_client_by_id(set.client_id)
  if client then
    client_of.execute(client, 'whetstone.reject', ids(set, candidate))
  end
end

--- Say no to the change that stands at the cursor, through the server's own code action.
---@param callback fun(found: boolean)
function M.reject_standing(callback)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of.need(buffer)
  if not client then
    return
  end
  local at = position(client)
  local params = {
    textDocument = at.textDocument,
    range = { start = at.position, ['end'] = at.position },
    context = { diagnostics = {}, only = { 'quickfix' }, triggerKind = 1 },
  }
  client_of.request(client, 'textDocument/codeAction', params, buffer, function(_, actions)
    for _, action in ipairs(client_of.value(actions) or {}) do
      local command = action.command
      if type(command) == 'table' and command.command == 'whetstone.reject' then
        client_of.execute(client, command.command, command.arguments)
        callback(true)
        return
      end
    end
    callback(false)
  end)
end

--- The lines of the buffer as a candidate would leave them.
---@param set whetstone.Candidates
---@param candidate whetstone.Candidate
---@return string[]
function M.lines_after(set, candidate)
  local client = assert(vim.lsp.get_client_by_id(set.client_id))
  local scratch = vim.api.nvim_create_buf(false, true)
  local lines = vim.api.nvim_buf_get_lines(set.buffer, 0, -1, false)
  vim.api.nvim_buf_set_lines(scratch, 0, -1, false, lines)
  local uri = vim.uri_from_bufnr(set.buffer)
  local edits = vim.list_extend({}, vim.tbl_get(candidate.edit, 'changes', uri) or {})
  for _, change in ipairs(candidate.edit.documentChanges or {}) do
    if change.textDocument and change.textDocument.uri == uri then
      vim.list_extend(edits, change.edits)
    end
  end
  vim.lsp.util.apply_text_edits(vim.deepcopy(edits), scratch, client.offset_encoding)
  local after = vim.api.nvim_buf_get_lines(scratch, 0, -1, false)
  vim.api.nvim_buf_delete(scratch, { force = true })
  return after
end

return M
