git add -A && git commit -q -m 'feat: a chart' && git tag v3.4.2
echo "replicas: 2" >gate/values.yaml && git add -A && git commit -q -m 'feat: two replicas'
