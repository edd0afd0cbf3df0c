package save

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/pkg/xattr"
)

// keepAttributes gives a new file the owner, group, extended attributes and mode of the file that it will replace. ACLs
// and SELinux contexts are extended attributes.
//
// The order matters. The kernel drops file capabilities when the owner changes. The mode has to come last: its group bits
// are the mask of the ACL. Without the ACL they would let the group read the file.
func keepAttributes(existing, file *os.File) error {
	want, err := existing.Stat()
	if err != nil {
		return err
	}
	is, err := file.Stat()
	if err != nil {
		return err
	}
	if owner(want) != owner(is) {
		if err := file.Chown(owner(want).user, owner(want).group); err != nil {
			return fmt.Errorf("cannot keep its owner and group: %w", withoutPath(err))
		}
	}
	if err := keepExtended(existing, file); err != nil {
		return err
	}
	if err := file.Chmod(want.Mode()); err != nil {
		return fmt.Errorf("cannot keep its mode: %w", withoutPath(err))
	}
	return nil
}

// keepExtended makes the extended attributes of a new file the same as those of an existing one.
func keepExtended(existing, file *os.File) error {
	want, err := extended(existing)
	if err != nil {
		return fmt.Errorf("cannot keep its extended attributes: %w", withoutPath(err))
	}
	is, err := extended(file)
	if err != nil {
		return err
	}
	for _, name := range is {
		if !slices.Contains(want, name) { // such as an ACL that the directory gives to new files
			if err := xattr.FRemove(file, name); err != nil {
				return fmt.Errorf("cannot remove %s: %w", name, withoutPath(err))
			}
		}
	}
	for _, name := range want {
		if err := keepOne(name, existing, file); err != nil {
			return fmt.Errorf("cannot keep its %s: %w", name, withoutPath(err))
		}
	}
	return nil
}

// keepOne copies an extended attribute, unless both files have the same value: setting one may need a privilege that
// reading does not.
func keepOne(name string, existing, file *os.File) error {
	want, err := xattr.FGet(existing, name)
	if err != nil {
		return err
	}
	if is, err := xattr.FGet(file, name); err == nil && bytes.Equal(is, want) {
		return nil
	}
	return xattr.FSet(file, name, want)
}

// extended lists the extended attributes of a file. It leaves out those that the kernel computes from the contents.
func extended(file *os.File) ([]string, error) {
	names, err := xattr.FList(file)
	if errors.Is(err, syscall.ENOTSUP) {
		return nil, nil
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return name == "security.ima" || name == "security.evm"
	}), err
}

type userAndGroup struct{ user, group int }

func owner(info fs.FileInfo) userAndGroup {
	stat := info.Sys().(*syscall.Stat_t)
	return userAndGroup{int(stat.Uid), int(stat.Gid)}
}

// device returns the number of the file system that a file is on.
func device(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Dev) }
