package check

var directRules = []Rule{}
