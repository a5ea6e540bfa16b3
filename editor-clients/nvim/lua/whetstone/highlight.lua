--- Highlight groups, linked to groups that every colour scheme has.
local links = {
  WhetstoneReady = 'DiagnosticHint',
  WhetstoneAdded = 'DiffAdd',
  WhetstoneRemoved = 'DiffDelete',
  WhetstoneChanged = 'DiffText',
  WhetstonePassed = 'DiagnosticOk',
  WhetstoneFailed = 'DiagnosticError',
  WhetstoneDetail = 'Comment',
}

local M = {}

function M.define()
  for name, target in pairs(links) do
    vim.api.nvim_set_hl(0, name, { link = target, default = true })
  end
end

return M
