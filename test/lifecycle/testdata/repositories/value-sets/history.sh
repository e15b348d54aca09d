git add -A && git commit -q -m 'feat: a label'
