"""Programs with one bug and tests: our own problems, and files of HumanEvalFix's, QuixBugs' and
DebugBench's form, all through the path that mends a failing test in the editor.

    sources.py  files -> programs, each with a visible test and hidden ones
    split.py    one test of many assertions -> a visible and a hidden half
    attempt.py  one program: lines in their order, and answers to them
    batch.py    which answers pass: many programs in one sandbox
    suite.py    all programs of a suite, and their figures
    report.py   table, JSON, plot
"""
