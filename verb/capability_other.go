//go:build !linux

package verb

func hasNetAdmin() bool { return true }
