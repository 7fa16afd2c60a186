module kokunai.local/iaas-api-go-tests

go 1.21

require github.com/sacloud/iaas-api-go v1.29.2
