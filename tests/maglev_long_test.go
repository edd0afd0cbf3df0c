//go:build long

package tests

import "testing"

// TestLongMaglev predicts 100 connections to each of 80 tables, where TestMaglev predicts 10 to each of 20.
func TestLongMaglev(t *testing.T) { predictAll(t, 3, 40, 100) }
