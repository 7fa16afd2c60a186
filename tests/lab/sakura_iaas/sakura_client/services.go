package main

import (
	"fmt"

	"github.com/sacloud/iaas-api-go"
	"github.com/sacloud/iaas-api-go/helper/cleanup"
	"github.com/sacloud/iaas-api-go/helper/query"
	"github.com/sacloud/iaas-api-go/ostype"
	"github.com/sacloud/iaas-api-go/types"
	"github.com/sacloud/iaas-service-go/disk"
	"github.com/sacloud/iaas-service-go/nfs"
	"github.com/sacloud/iaas-service-go/server"
	"github.com/sacloud/iaas-service-go/sshkey"
)

// services takes the road of Sakura's CLI and Terraform provider: builders that make a whole
// server with its disk, keys and scripts, change it, and delete what it was made of.
func services() {
	sw := must(iaas.NewSwitchOp(caller).Create(ctx, zone, &iaas.SwitchCreateRequest{Name: "sw"}))
	filter := must(iaas.NewPacketFilterOp(caller).Create(ctx, zone, &iaas.PacketFilterCreateRequest{Name: "pf"}))
	request := &server.ApplyRequest{
		Zone: zone, Name: "built", CPU: 1, MemoryGB: 1, Commitment: types.Commitments.Standard,
		InterfaceDriver: types.InterfaceDrivers.VirtIO, BootAfterCreate: true, ForceShutdown: true,
		NetworkInterfaces: []*server.NetworkInterface{{Upstream: "shared", PacketFilterID: filter.ID}},
		Disks: []*disk.ApplyRequest{{
			Zone: zone, Name: "built", DiskPlanID: types.DiskPlans.SSD, SizeGB: 20, OSType: ostype.Debian,
			Connection: types.DiskConnections.VirtIO,
			EditParameter: &disk.EditParameter{
				HostName: "built", Password: "a-long-dummy-password", IsNotesEphemeral: true,
				SSHKeys:            []string{publicKey},
				IsSSHKeysEphemeral: true, NoteContents: []string{"#!/bin/sh\ntrue\n"},
			},
		}},
	}
	built := must(server.New(caller).Apply(request))
	expect(built.InstanceStatus.IsUp() && built.Interfaces[0].PacketFilterID == filter.ID, "server built", built)
	request.ID, request.CPU, request.MemoryGB, request.Tags = built.ID, 2, 4, types.Tags{"changed"}
	request.Disks = []*disk.ApplyRequest{{Zone: zone, ID: built.Disks[0].ID, Name: "built"}}
	request.NetworkInterfaces = append(request.NetworkInterfaces, &server.NetworkInterface{
		Upstream: sw.ID.String(), UserIPAddress: "192.168.0.12",
	})
	changed := must(server.New(caller).Apply(request))
	expect(changed.ID != built.ID && changed.CPU == 2 && len(changed.Interfaces) == 2 &&
		changed.InstanceStatus.IsUp() && changed.Interfaces[1].UserIPAddress == "192.168.0.12", "server changed", changed)
	expect(must(query.IsSwitchReferenced(ctx, caller, zone, sw.ID)), "switch is referenced")
	made := must(nfs.New(caller).Create(&nfs.CreateRequest{
		Zone: zone, Name: "nfs", SwitchID: sw.ID, Plan: types.NFSPlans.HDD, Size: types.NFSHDDSizes.Size1TB,
		IPAddresses: []string{"192.168.0.31"}, NetworkMaskLen: 24,
	}))
	expect(made.InstanceStatus.IsUp(), "nfs built", made)
	ok(nfs.New(caller).Delete(&nfs.DeleteRequest{Zone: zone, ID: made.ID, Force: true}))
	ok(server.New(caller).Delete(&server.DeleteRequest{Zone: zone, ID: changed.ID, WithDisks: true, Force: true}))
	ok(cleanup.DeletePacketFilter(ctx, caller, zone, filter.ID, query.CheckReferencedOption{}))
	ok(cleanup.DeleteSwitch(ctx, caller, zone, sw.ID, query.CheckReferencedOption{}))
	left := must(sshkey.New(caller).Find(&sshkey.FindRequest{}))
	for _, key := range left {
		ok(sshkey.New(caller).Delete(&sshkey.DeleteRequest{ID: key.ID}))
	}
	expect(len(left) == 0, "no key is left", len(left))
	fmt.Println("ok services")
}
