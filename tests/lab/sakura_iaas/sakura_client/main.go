// Drives the emulator with Sakura's own unmodified client, from an empty account to an empty account.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	client "github.com/sacloud/api-client-go"
	"github.com/sacloud/iaas-api-go"
	"github.com/sacloud/iaas-api-go/defaults"
	"github.com/sacloud/iaas-api-go/helper/plans"
	"github.com/sacloud/iaas-api-go/helper/power"
	"github.com/sacloud/iaas-api-go/helper/query"
	"github.com/sacloud/iaas-api-go/ostype"
	"github.com/sacloud/iaas-api-go/search"
	"github.com/sacloud/iaas-api-go/types"
)

const (
	zone      = "is1a"
	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB test"
)

var (
	ctx    = context.Background()
	caller iaas.APICaller
)

func must[T any](value T, err error) T {
	ok(err)
	return value
}

func ok(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(holds bool, what string, seen ...any) {
	if !holds {
		panic(fmt.Sprintf("%s: %v", what, seen))
	}
	fmt.Println("ok", what)
}

func main() {
	iaas.SakuraCloudAPIRoot = os.Getenv("SAKURA_API_ROOT_URL")
	defaults.DefaultStatePollingInterval = 50 * time.Millisecond
	power.BootRetrySpan = 200 * time.Millisecond
	power.ShutdownRetrySpan = 200 * time.Millisecond
	power.InitialRequestRetrySpan = 200 * time.Millisecond
	caller = iaas.NewClientWithOptions(&client.Options{
		AccessToken:          os.Getenv("SAKURA_ACCESS_TOKEN"),
		AccessTokenSecret:    os.Getenv("SAKURA_ACCESS_TOKEN_SECRET"),
		HttpRequestRateLimit: 100,
	})
	products()
	switchID, filterID, keyID, noteID := parts()
	servers(switchID, filterID, keyID, noteID)
	fileServer(switchID)
	cleanUp(switchID, filterID, keyID, noteID)
	services()
	fmt.Println("all done")
}

func products() {
	zones := must(iaas.NewZoneOp(caller).Find(ctx, nil))
	expect(zones.Count >= 4 && zones.Zones[0].Region.NameServers[0] != "", "zones", zones.Count)
	status := must(iaas.NewAuthStatusOp(caller).Read(ctx))
	expect(status.Permission == types.Permissions.Create, "auth status", status)
	plan := must(query.FindServerPlan(ctx, iaas.NewServerPlanOp(caller), zone, &query.FindServerPlanRequest{
		CPU: 4, MemoryGB: 56, GPU: 1,
	}))
	expect(plan.ID == 201056004 && plan.GPUModel == "nvidia_v100_32gbvram", "V100 plan", plan)
	disks := must(iaas.NewDiskPlanOp(caller).Find(ctx, zone, nil))
	expect(len(disks.DiskPlans) == 2 && len(disks.DiskPlans[0].Size) > 3, "disk plans")
	expect(must(iaas.NewInternetPlanOp(caller).Find(ctx, zone, nil)).Count > 3, "internet plans")
	expect(must(iaas.NewRegionOp(caller).Find(ctx, nil)).Count == 3, "regions")
	prices := must(iaas.NewServiceClassOp(caller).Find(ctx, zone, nil))
	expect(prices.Count > 0 && prices.ServiceClasses[0].Price.Hourly > 0, "prices")
	_, err := iaas.NewServerOp(caller).Read(ctx, zone, types.ID(113000000009))
	expect(iaas.IsNotFoundError(err), "not found", err)
}

func parts() (switchID, filterID, keyID, noteID types.ID) {
	sw := must(iaas.NewSwitchOp(caller).Create(ctx, zone, &iaas.SwitchCreateRequest{
		Name: "sw", Description: "d", Tags: types.Tags{"b", "a"}, NetworkMaskLen: 24, DefaultRoute: "192.168.0.1",
	}))
	expect(sw.Tags[0] == "a" && sw.NetworkMaskLen == 24, "switch", sw)
	filter := must(iaas.NewPacketFilterOp(caller).Create(ctx, zone, &iaas.PacketFilterCreateRequest{
		Name:       "pf",
		Expression: []*iaas.PacketFilterExpression{{Protocol: "tcp", DestinationPort: "22", Action: "allow"}},
	}))
	updated := must(iaas.NewPacketFilterOp(caller).Update(ctx, zone, filter.ID, &iaas.PacketFilterUpdateRequest{
		Name:       "pf2",
		Expression: []*iaas.PacketFilterExpression{{Protocol: "icmp", Action: "allow"}, {Protocol: "ip", Action: "deny"}},
	}, filter.ExpressionHash))
	expect(len(updated.Expression) == 2 && updated.ExpressionHash != filter.ExpressionHash, "packet filter", updated)
	key := must(iaas.NewSSHKeyOp(caller).Create(ctx, &iaas.SSHKeyCreateRequest{
		Name: "key", PublicKey: publicKey,
	}))
	expect(len(key.Fingerprint) == 47, "ssh key", key.Fingerprint)
	note := must(iaas.NewNoteOp(caller).Create(ctx, &iaas.NoteCreateRequest{
		Name: "note", Class: "shell", Content: "#!/bin/sh\ntrue\n",
	}))
	found := must(iaas.NewNoteOp(caller).Find(ctx, &iaas.FindCondition{
		Filter: search.Filter{search.Key("Name"): search.ExactMatch("note")},
	}))
	expect(found.Count == 1 && found.Notes[0].ID == note.ID, "note", found.Count)
	return sw.ID, filter.ID, key.ID, note.ID
}

func servers(switchID, filterID, keyID, noteID types.ID) {
	serverOp, diskOp, nicOp := iaas.NewServerOp(caller), iaas.NewDiskOp(caller), iaas.NewInterfaceOp(caller)
	archive := must(query.FindArchiveByOSType(ctx, iaas.NewArchiveOp(caller), zone, ostype.Debian12))
	server := must(serverOp.Create(ctx, zone, &iaas.ServerCreateRequest{
		Name: "server 日本語", CPU: 1, MemoryMB: 1024, Tags: types.Tags{"one"},
		ConnectedSwitches: []*iaas.ConnectedSwitch{{Scope: types.Scopes.Shared}, {ID: switchID}},
	}))
	expect(len(server.Interfaces) == 2 && server.Interfaces[0].IPAddress != "" &&
		server.Interfaces[0].UpstreamType == types.UpstreamNetworkTypes.Shared &&
		server.Interfaces[1].UpstreamType == types.UpstreamNetworkTypes.Switch, "server", server.Interfaces)
	disk := must(diskOp.CreateWithConfig(ctx, zone, &iaas.DiskCreateRequest{
		Name: "disk", DiskPlanID: types.DiskPlans.SSD, SizeMB: 20 * 1024, SourceArchiveID: archive.ID,
	}, &iaas.DiskEditRequest{
		HostName: "node", Password: "a-long-dummy-password", DisablePWAuth: true,
		SSHKeys: []*iaas.DiskEditSSHKey{{ID: keyID}},
		Notes:   []*iaas.DiskEditNote{{ID: noteID}},
	}, false, nil, 0))
	expect(disk.Availability.IsMigrating(), "disk is copied", disk.Availability)
	waiter := iaas.WaiterForReady(func() (any, error) { return diskOp.Read(ctx, zone, disk.ID) })
	ready := must(waiter.WaitForState(ctx)).(*iaas.Disk)
	expect(ready.MigratedMB == 20*1024, "disk is ready", ready.MigratedMB)
	ok(diskOp.ConnectToServer(ctx, zone, disk.ID, server.ID))
	ok(diskOp.Config(ctx, zone, disk.ID, &iaas.DiskEditRequest{HostName: "node2"}))
	ok(nicOp.ConnectToPacketFilter(ctx, zone, server.Interfaces[0].ID, filterID))
	ok(power.BootServer(ctx, serverOp, zone, server.ID))
	server = must(serverOp.Read(ctx, zone, server.ID))
	expect(server.InstanceStatus.IsUp() && server.InstanceHostName != "" && server.HostName == "node2", "boot", server)
	expect(len(server.Disks) == 1 && server.Interfaces[0].PacketFilterID == filterID, "disks and filter", server)
	err := serverOp.Delete(ctx, zone, server.ID)
	expect(err.(iaas.APIError).Code() == "server_power_must_be_down", "delete of a running server", err)
	nic := must(nicOp.Update(ctx, zone, server.Interfaces[1].ID, &iaas.InterfaceUpdateRequest{UserIPAddress: "192.168.0.11"}))
	expect(nic.UserIPAddress == "192.168.0.11" && nic.ServerID == server.ID, "interface", nic)
	expect(must(iaas.NewSwitchOp(caller).GetServers(ctx, zone, switchID)).Count == 1, "servers of a switch")
	ok(power.ShutdownServer(ctx, serverOp, zone, server.ID, false))
	moved := must(plans.ChangeServerPlan(ctx, caller, zone, server.ID, &iaas.ServerChangePlanRequest{
		CPU: 2, MemoryMB: 4096, Commitment: types.Commitments.Standard,
	}))
	expect(moved.ID != server.ID && moved.CPU == 2 && len(moved.Disks) == 1, "plan change", moved.ID)
	_, err = serverOp.Read(ctx, zone, server.ID)
	expect(iaas.IsNotFoundError(err), "the old id is gone", err)
	added := must(nicOp.Create(ctx, zone, &iaas.InterfaceCreateRequest{ServerID: moved.ID}))
	err = nicOp.ConnectToSwitch(ctx, zone, added.ID, switchID)
	expect(err.(iaas.APIError).Code() == "connect_to_same_switch", "two interfaces on one switch", err)
	ok(nicOp.DisconnectFromSwitch(ctx, zone, moved.Interfaces[1].ID))
	ok(nicOp.ConnectToSwitch(ctx, zone, added.ID, switchID))
	ok(nicOp.DisconnectFromSwitch(ctx, zone, added.ID))
	ok(nicOp.Delete(ctx, zone, added.ID))
	expect(must(serverOp.Find(ctx, zone, &iaas.FindCondition{
		Filter: search.Filter{search.Key("Tags.Name"): search.TagsAndEqual("one")},
	})).Count == 1, "find by tag")
	ok(serverOp.DeleteWithDisks(ctx, zone, moved.ID, &iaas.ServerDeleteWithDisksRequest{IDs: []types.ID{disk.ID}}))
	_, err = diskOp.Read(ctx, zone, disk.ID)
	expect(iaas.IsNotFoundError(err), "deleted with its disk", err)
}

func fileServer(switchID types.ID) {
	op := iaas.NewNFSOp(caller)
	planID := must(query.FindNFSPlanID(ctx, iaas.NewNoteOp(caller), zone, types.NFSPlans.SSD, types.NFSSSDSizes.Size100GB))
	made := must(op.Create(ctx, zone, &iaas.NFSCreateRequest{
		SwitchID: switchID, PlanID: planID, IPAddresses: []string{"192.168.0.21"},
		NetworkMaskLen: 24, DefaultRoute: "192.168.0.1", Name: "nfs", Tags: types.Tags{"n"},
	}))
	err := op.Boot(ctx, zone, made.ID)
	expect(iaas.IsStillCreatingError(err), "still creating", err)
	up := must(iaas.WaiterForApplianceUp(func() (any, error) { return op.Read(ctx, zone, made.ID) }, 10).WaitForState(ctx)).(*iaas.NFS)
	expect(up.IPAddresses[0] == "192.168.0.21" && up.PlanID == planID && up.SwitchID == switchID, "nfs", up)
	err = iaas.NewSwitchOp(caller).Delete(ctx, zone, switchID)
	expect(err.(iaas.APIError).ResponseCode() == 409, "delete of a switch in use", err)
	ok(power.ShutdownNFS(ctx, op, zone, made.ID, true))
	ok(op.Delete(ctx, zone, made.ID))
	fmt.Println("ok nfs deleted")
}

func cleanUp(switchID, filterID, keyID, noteID types.ID) {
	ok(iaas.NewSwitchOp(caller).Delete(ctx, zone, switchID))
	ok(iaas.NewPacketFilterOp(caller).Delete(ctx, zone, filterID))
	ok(iaas.NewSSHKeyOp(caller).Delete(ctx, keyID))
	ok(iaas.NewNoteOp(caller).Delete(ctx, noteID))
}
