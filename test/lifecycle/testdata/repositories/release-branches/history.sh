git add -A && git commit -q -m 'feat: a first version' && git tag v0.1.0
git checkout -q -b release-0.2
echo "A tunnel, 0.2." >README.md && git add -A && git commit -q -m 'docs: 0.2' && git tag v0.2.0
echo "A tunnel, 0.2, with a fix." >README.md && git add -A && git commit -q -m 'fix: a leak' && git tag v0.2.1
git checkout -q main
echo "A tunnel." >README.md && git add -A && git commit -q -m 'feat: faster'
