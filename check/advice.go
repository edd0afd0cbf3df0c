package check

import (
	"ipvsadm/command"
	"ipvsadm/ipvs"
)

// The functions of this file return the commands of advice.

// editServer returns the command that gives a server what is different in it.
func editServer(id ipvs.ServiceID, server ipvs.Destination) string {
	return line(command.Command{Kind: command.EditServer, Service: ipvs.Service{ServiceID: id}, Server: server})
}

// editService returns the command that gives a service what is different in it.
func editService(service ipvs.Service) string {
	return line(command.Command{Kind: command.EditService, Service: service})
}

// deleteServer returns the command that deletes a server.
func deleteServer(id ipvs.ServiceID, server ipvs.Destination) string {
	return line(command.Command{Kind: command.DeleteServer, Service: ipvs.Service{ServiceID: id}, Server: server})
}

// addServer returns the command that adds a server, whose address the reader knows.
func addServer(id ipvs.ServiceID) string {
	zero := line(command.Command{Kind: command.Zero, Service: ipvs.Service{ServiceID: id}})
	return "ipvsadm -a" + zero[len("ipvsadm -Z"):] + " -r SERVER"
}

func line(c command.Command) string { return "ipvsadm " + string(c.AppendRule(nil, nil)) }

// setting returns the command that sets a kernel setting.
func setting(name, value string) string { return "sysctl -w " + name + "=" + value }
