" The preview: Python behind the signs of a diff.
if exists('b:current_syntax')
  finish
endif
syntax include @whetstonePython syntax/python.vim
syntax match whetstoneCode /^[-+ ] .*$/ contains=@whetstonePython keepend
syntax match whetstoneSign /^[-+] / contained containedin=whetstoneCode
highlight default link whetstoneSign Special
let b:current_syntax = 'whetstone'
