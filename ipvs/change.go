package ipvs

import "fmt"

// Change is one change of the kernel's tables, for [Client.Apply]. AddService and its like make one.
type Change struct {
	request
}

// Operation returns what the change does.
func (c Change) Operation() Operation { return c.operation }

// String returns the operation and its object, such as "add service TCP 192.0.2.1:80".
func (c Change) String() string {
	if object := c.object(); object != "" {
		return fmt.Sprintf("%s %s", c.operation, object)
	}
	return string(c.operation)
}
