package save

import "os"

// overwrite writes text over the contents of a mount point, which cannot be replaced. A crash in the middle leaves a mix of
// old and new text.
func overwrite(file *os.File, text []byte) error {
	// A full disk is the most likely failure. Find out before the first old byte is lost.
	if err := allocate(file, len(text)); err != nil {
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
