--- Options, from `vim.g.whetstone`. Read whenever they are needed, so that order does not matter.
local M = {}

---@class whetstone.Options
---@field enabled? boolean start by itself in Python buffers (true)
---@field cmd? string[] command that starts the server
---@field root_markers? string[] files that mark the workspace folder
---@field settings? table<string, any> settings of the server
---@field virtual_text? boolean mark lines whose fix is ready, at their end (true)
---@field mark? string what stands before the title in that mark
---@field codelens? boolean draw Keep, Revert and Fix this test over the lines (true)
---@field border? string|string[] border of the preview; 'winborder' where that is set
---@field context? integer unchanged lines around a change in the preview (2)

---@type whetstone.Options
M.defaults = {
  enabled = true,
  cmd = { 'whetstone-lsp' },
  root_markers = { 'whetstone.toml', 'pyproject.toml', 'setup.cfg', '.git' },
  settings = {},
  virtual_text = true,
  mark = '◆',
  codelens = true,
  border = 'rounded',
  context = 2,
}

---@return whetstone.Options
function M.get()
  local chosen = vim.g.whetstone
  if type(chosen) ~= 'table' then
    chosen = {}
  end
  local options = vim.tbl_deep_extend('force', M.defaults, chosen)
  -- Lists are taken as they are, not merged item by item.
  options.cmd = chosen.cmd or M.defaults.cmd
  options.root_markers = chosen.root_markers or M.defaults.root_markers
  return options
end

--- Names in `vim.g.whetstone` that mean nothing.
---@return string[]
function M.unknown()
  local names = {}
  for name in pairs(type(vim.g.whetstone) == 'table' and vim.g.whetstone or {}) do
    if M.defaults[name] == nil then
      names[#names + 1] = tostring(name)
    end
  end
  table.sort(names)
  return names
end

return M
