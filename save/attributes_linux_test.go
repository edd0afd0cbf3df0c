package save

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	aclOfFile      = "system.posix_acl_access"
	aclOfDirectory = "system.posix_acl_default"
)

// acl is user::rw-,user:1001:r--,group::---,mask::r--,other::--- in the kernel's encoding.
const acl = "\x02\x00\x00\x00" +
	"\x01\x00\x06\x00\xff\xff\xff\xff" +
	"\x02\x00\x04\x00\xe9\x03\x00\x00" +
	"\x04\x00\x00\x00\xff\xff\xff\xff" +
	"\x10\x00\x04\x00\xff\xff\xff\xff" +
	"\x20\x00\x00\x00\xff\xff\xff\xff"

// someCapability is cap_net_admin=p in the kernel's encoding.
const someCapability = "\x00\x00\x00\x02\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func setAttribute(t *testing.T, path, name, value string) {
	t.Helper()
	if err := unix.Setxattr(path, name, []byte(value), 0); err != nil {
		t.Fatalf("%s: set %s: %v", path, name, err)
	}
}

// attributes returns the extended attributes of a file.
func attributes(t *testing.T, path string) map[string]string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := unix.Listxattr(path, b)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for name := range strings.FieldsFuncSeq(string(b[:n]), func(r rune) bool { return r == 0 }) {
		value := make([]byte, 4096)
		n, err := unix.Getxattr(path, name, value)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(value[:n])
	}
	return all
}

// TestFileAttributes replaces a file that has an owner, a mode and all kinds of extended attributes.
func TestFileAttributes(t *testing.T) {
	needRoot(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "rules")
	write(t, path, "old\n")
	if err := os.Chown(path, 1001, 1002); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		aclOfFile:             acl,
		"security.capability": someCapability,
		"security.selinux":    "system_u:object_r:secret_t:s0\x00",
		"trusted.test":        "kept\x00too",
	}
	if unix.Setxattr(path, "user.test", nil, 0) == nil { // some file systems have no user attributes
		want["user.test"] = ""
	}
	for name, value := range want {
		setAttribute(t, path, name, value)
	}
	setAttribute(t, path, "security.ima", "\x01"+strings.Repeat("h", 20)) // a hash of the old contents
	for range 2 {
		if err := File(path, writes("new\n")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, attributes(t, path)); diff != "" {
			t.Errorf("extended attributes (-want +got):\n%s", diff)
		}
		if got := mode(t, path); got != 0o640 {
			t.Errorf("mode %o", got)
		}
	}
	if err := asUser(1002, func() error { _, err := os.ReadFile(path); return err }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("its group can read it: %v", err)
	}
	holds(t, folder, map[string]string{"rules": "new\n"})
}

// TestFileInheritedACL saves to a directory that gives an ACL to each new file.
func TestFileInheritedACL(t *testing.T) {
	needRoot(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "rules")
	write(t, path, "old\n")
	chmod(t, path, 0o640)
	setAttribute(t, folder, aclOfDirectory, acl)
	if err := File(path, writes("new\n")); err != nil {
		t.Fatal(err)
	}
	if got := attributes(t, path); len(got) != 0 || mode(t, path) != 0o640 {
		t.Errorf("mode %o, extended attributes %q", mode(t, path), got)
	}
	other := strings.Replace(acl, "\xe9\x03", "\xea\x03", 1) // for user 1002
	setAttribute(t, path, aclOfFile, other)
	if err := File(path, writes("new\n")); err != nil {
		t.Fatal(err)
	}
	if got := attributes(t, path); got[aclOfFile] != other {
		t.Errorf("extended attributes %q", got)
	}
	if err := File(folder+"/new", writes("new\n")); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, folder+"/new"); got != 0o600 {
		t.Errorf("mode of a new file: %o", got)
	}
}

// TestFileAttributesNotOurs saves as a user who may not copy the attributes. The old file must stay.
func TestFileAttributesNotOurs(t *testing.T) {
	needRoot(t)
	folder := open(t, t.TempDir())
	chmod(t, folder, 0o777)
	path := filepath.Join(folder, "rules")
	save := func() error {
		return asUser(1001, func() error { return File(path, writes("new\n")) })
	}

	write(t, path, "old\n")
	chmod(t, path, 0o666)
	if err := save(); !errors.Is(err, syscall.EPERM) || err.Error() != "cannot save to "+path+": cannot keep its owner and group: operation not permitted" {
		t.Errorf("a file of another user: %v", err)
	}
	if err := os.Chown(path, 1001, 1001); err != nil {
		t.Fatal(err)
	}
	if err := save(); err != nil {
		t.Errorf("a file of one's own: %v", err)
	}

	write(t, path, "old\n")
	setAttribute(t, path, aclOfFile, acl)
	if err := save(); err != nil {
		t.Errorf("a file with an ACL: %v", err)
	}
	if got := attributes(t, path); got[aclOfFile] != acl {
		t.Errorf("extended attributes %q", got)
	}
	if unix.Setxattr(path, "user.test", nil, 0) == nil {
		write(t, path, "old\n")
		chmod(t, path, 0o200) // so that nobody can read user.test
		if err := save(); !errors.Is(err, syscall.EACCES) {
			t.Errorf("a file whose attribute cannot be read: %v", err)
		}
		holds(t, folder, map[string]string{"rules": "old\n"})
	}
}

// TestFileHardLinks documents that a hard link keeps the old contents.
func TestFileHardLinks(t *testing.T) {
	folder := t.TempDir()
	write(t, folder+"/rules", "old\n")
	if err := os.Link(folder+"/rules", folder+"/other"); err != nil {
		t.Fatal(err)
	}
	if err := File(folder+"/rules", writes("new\n")); err != nil {
		t.Fatal(err)
	}
	holds(t, folder, map[string]string{"rules": "new\n", "other": "old\n"})
}
