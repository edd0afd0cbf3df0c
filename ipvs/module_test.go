package ipvs

import (
	"errors"
	"io/fs"
	"testing"
)

func TestLoadModule(t *testing.T) {
	if err := loadModule(t.Context(), "/no/such/program"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
}
