;;; story.el --- Emacs through the story, in batch  -*- lexical-binding: t -*-
;; Takes the file and the steps (JSON) from the command line; the database tells whether it worked.
(defvar story-confirm eglot-confirm-server-edits "As the page sets it: the diff comes first.")
(setq native-comp-jit-compilation nil
      eglot-sync-connect 150
      eglot-connect-timeout 150
      eglot-confirm-server-edits nil
      make-backup-files nil
      create-lockfiles nil)

(defun story-wait (what condition)
  "Let the server talk until CONDITION holds; fail, naming WHAT, when it never does."
  (let ((end (time-add nil 150)))
    (while (not (funcall condition))
      (when (time-less-p end nil)
        (message "not seen: %s\n%s" what (buffer-string))
        (kill-emacs 1))
      (accept-process-output nil 0.05))))

(defun story-line ()
  (buffer-substring-no-properties (line-beginning-position) (line-end-position)))

(defun story-act (reject)
  "Run the prepared fix of this line, or the entry that turns it down."
  (let ((wanted (lambda (action)
                  (let ((title (plist-get action :title)))
                    (and (not (string-search "fix all" title))
                         (not (string-prefix-p "Whetstone: fix " title)) ; not prepared yet
                         (eq reject (and (string-search "reject" title) t))))))
        action)
    (story-wait "the action"
                (lambda ()
                  (setq action (seq-find wanted (eglot-code-actions (line-beginning-position)
                                                                    (line-end-position))))))
    (eglot-execute (eglot-current-server) action)))

(defun story-preview (broken fix apply)
  "The change as a diff; APPLY it there, or close it, and nothing has happened."
  (let ((eglot-confirm-server-edits story-confirm))
    (save-window-excursion (story-act nil)))
  (unless (equal (story-line) broken)
    (error "Applied unasked: %s" (story-line)))
  (with-current-buffer "*EGLOT proposed server changes*"
    (dolist (line (list (concat "-" broken) (concat "+" fix)))
      (goto-char (point-min))
      (search-forward (concat "\n" line "\n")))
    (when apply
      (goto-char (point-min))
      (diff-hunk-next)
      (save-window-excursion (diff-apply-hunk)))
    (kill-buffer)))

(defun story-step (step)
  (let ((line (alist-get 'line step)) (do (alist-get 'do step)) (broken (alist-get 'broken step))
        (final (alist-get 'final step)) (fix (alist-get 'fix step)))
    (goto-char (point-min))
    (forward-line line)
    (undo-boundary)
    (story-preview broken fix (equal do "accept"))
    (unless (equal do "accept")
      (story-act nil))
    (goto-char (point-min))
    (forward-line line)
    (story-wait do (lambda () (equal (story-line) fix)))
    (pcase do
      ("reject" (story-act t))
      ("undo" (undo-boundary) (let ((last-command nil)) (undo-only)))
      ("amend"
       (delete-region (line-beginning-position) (line-end-position))
       (insert final)))
    (goto-char (point-min))
    (forward-line line)
    (story-wait (concat do " done") (lambda () (equal (story-line) final)))))

(pcase-let ((`(,file ,steps) command-line-args-left))
  (setq command-line-args-left nil)
  (find-file file)
  (run-hooks 'post-command-hook) ; where eglot-ensure connects; in batch no command ends
  (story-wait "the server" #'eglot-managed-p)
  (let ((steps (json-parse-string steps :object-type 'alist :array-type 'list)))
    (story-wait "diagnostics"
                (lambda ()
                  (flymake-start)
                  (= (length (flymake-diagnostics)) (length steps))))
    (mapc #'story-step steps))
  (save-buffer)
  (eglot-shutdown (eglot-current-server))
  (message "done"))
