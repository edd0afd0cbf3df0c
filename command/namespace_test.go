package command

import (
	"slices"
	"strings"
	"testing"
)

func TestCutNamespace(t *testing.T) {
	for _, test := range []struct{ words, namespace, rest string }{
		{"-L -n", "", "-L -n"},
		{"--netns blue -L -n", "blue", "-L -n"},
		{"-L -n --netns blue", "blue", "-L -n"},
		{"-L --netns=/proc/7/ns/net -n", "/proc/7/ns/net", "-L -n"},
		{"save --netns blue -f x", "blue", "save -f x"},
		{"-L -- --netns blue", "", "-L -- --netns blue"},
	} {
		namespace, rest, err := CutNamespace(strings.Fields(test.words))
		if err != nil || namespace != test.namespace || !slices.Equal(rest, strings.Fields(test.rest)) {
			t.Errorf("%s: %q %q %v", test.words, namespace, rest, err)
		}
	}
	for _, words := range []string{"-L --netns", "--netns= -L", "--netns a -L --netns b"} {
		if _, _, err := CutNamespace(strings.Fields(words)); err == nil {
			t.Errorf("%s: no error", words)
		}
	}
}
