git add -A && git commit -q -m 'feat: a gauge' && git tag v0.8.1 && git tag gauge-chart-3.13.1
echo "package main" >main.go && git add -A && git commit -q -m 'feat: a new program' && git tag v0.9.0
echo "# more" >>charts/gauge/values.yaml && git add -A && git commit -q -m 'feat: more values'
