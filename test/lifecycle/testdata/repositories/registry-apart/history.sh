git add -A && git commit -q -m 'feat: letters' && git tag v1.3.0
echo "Sends letters." >README.md && git add -A && git commit -q -m 'feat: parcels'
