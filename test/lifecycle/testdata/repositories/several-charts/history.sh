git add -A && git commit -q -m 'feat: two charts' && git tag api-1.4.0 && git tag web-2.0.1
echo "replicas: 3" >charts/api/values.yaml && git add -A && git commit -q -m 'feat: three replicas'
