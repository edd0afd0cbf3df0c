package save

import "os"

// overwrite writes text over the contents of a file that cannot be replaced, because it is a mount point. A crash in the
// middle leaves a mixture of old and new.
func overwrite(file *os.File, text []byte) error {
	// A full disk is the likeliest fault, so find out before the first byte is lost.
	if err := reserve(file, len(text)); err != nil {
		return err
	}
	if _, err := file.WriteAt(text, 0); err != nil {
		return err
	}
	if err := file.Truncate(int64(len(text))); err != nil {
		return err
	}
	return file.Sync()
}
