package main

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// machine is what the simulator does not know of a VM.
type machine struct {
	disks        map[int32]*disk
	tracked      bool
	recording    bool
	quiesceFails string
	starFails    bool
	suffix       int
}

type disk struct {
	key          int32
	file         string
	live         string
	independent  bool
	lies         bool
	trackingUuid string
	sequence     int
	moments      map[string]string
}

// reset begins tracking anew: what was known before cannot be asked about any more.
func (d *disk) reset() {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	text := fmt.Sprintf("% x", bytes)
	d.trackingUuid = text[:23] + "-" + text[24:]
	d.moments = map[string]string{}
}

// backToBase is what consolidation does to a VM without snapshots.
func (m *machine) backToBase(vm *simulator.VirtualMachine) {
	for _, device := range vm.Config.Hardware.Device {
		if one, isDisk := device.(*types.VirtualDisk); isDisk && m.disks[one.Key] != nil {
			one.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName = m.disks[one.Key].file
		}
	}
}

// control is how tests make VMs and trouble: a form posted to /lab/<what>.
func (v *vcenter) control(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, err := v.controlled(strings.TrimPrefix(r.URL.Path, "/lab/"), r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(result)
}

func (v *vcenter) controlled(what string, r *http.Request) (interface{}, error) {
	switch what {
	case "vm":
		return v.newMachine(r)
	case "tag":
		return v.tag(r)
	case "certificate":
		v.newCertificate()
		return map[string]string{"thumbprint": v.thumbprint()}, nil
	case "power":
		return v.power(r)
	case "find":
		return v.find(r)
	case "snapshot":
		return v.foreignSnapshot(r)
	case "snapshots":
		return v.snapshots(r.FormValue("vm")), nil
	case "all-snapshots":
		names := []string{}
		for _, vm := range simulator.Map.All("VirtualMachine") {
			for _, name := range v.snapshots(vm.Reference().Value) {
				names = append(names, name)
			}
		}
		return names, nil
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	m := v.machines[r.FormValue("vm")]
	switch what {
	case "expire":
		v.sessions = map[string]bool{}
	case "sessions":
		return map[string]int{"open": len(v.sessions), "logins": v.logins}, nil
	case "held":
		return map[string]int{"held": v.held}, nil
	case "calls":
		return v.calls, nil
	case "fault":
		v.faults = append(v.faults, injectionOf(r))
	case "calm":
		v.faults = nil
		v.denied = map[string]bool{}
	case "deny":
		v.denied[r.FormValue("privilege")] = true
	case "reset":
		for _, d := range chosen(m, r) {
			d.reset()
		}
	case "lie":
		for _, d := range chosen(m, r) {
			d.lies = r.FormValue("on") != "false"
		}
	case "quiesce":
		m.quiesceFails = r.FormValue("fails")
	case "tools":
		ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: r.FormValue("vm")}
		simulator.Map.Get(ref).(*simulator.VirtualMachine).Guest.ToolsRunningStatus = r.FormValue("status")
	case "star":
		m.starFails = r.FormValue("fails") == "true"
	case "set":
		return nil, set(m, r)
	default:
		return nil, fmt.Errorf("no such control: %s", what)
	}
	return map[string]string{}, nil
}

func injectionOf(r *http.Request) *injection {
	number := func(name string, absent int) int {
		if value, err := strconv.Atoi(r.FormValue(name)); err == nil {
			return value
		}
		return absent
	}
	return &injection{
		method: r.FormValue("method"), skip: number("skip", 0), count: number("count", 1),
		fault: r.FormValue("fault"), content: r.FormValue("content"),
		drop: r.FormValue("drop") == "true", status: number("status", 0),
		delay: time.Duration(number("delay", 0)) * time.Millisecond,
		task:  r.FormValue("task") == "true", changes: r.FormValue("changes"),
		hold: r.FormValue("hold"), about: r.FormValue("about"),
	}
}

func chosen(m *machine, r *http.Request) []*disk {
	var all []*disk
	for key, d := range m.disks {
		if r.FormValue("key") == "" || r.FormValue("key") == strconv.Itoa(int(key)) {
			all = append(all, d)
		}
	}
	return all
}

// set changes what the configuration of a VM says.
func set(m *machine, r *http.Request) error {
	ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: r.FormValue("vm")}
	vm := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	for _, device := range vm.Config.Hardware.Device {
		one, isDisk := device.(*types.VirtualDisk)
		if !isDisk || strconv.Itoa(int(one.Key)) != r.FormValue("key") {
			continue
		}
		backing := one.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		d := m.disks[one.Key]
		if mode := r.FormValue("mode"); mode != "" {
			backing.DiskMode = mode
			d.independent = strings.HasPrefix(mode, "independent")
		}
		if file := r.FormValue("replaced-by"); file != "" {
			// Another file has a uuid and a tracking of its own, and what it holds.
			backing.FileName, d.file = file, file
			backing.Uuid = "6000C29f-" + digest(file)[:24]
			d.reset()
			if err := os.Truncate(d.live, 0); err != nil {
				return err
			}
			if err := os.Truncate(d.live, one.CapacityInBytes); err != nil {
				return err
			}
		}
		if size, err := strconv.ParseInt(r.FormValue("size"), 10, 64); err == nil {
			one.CapacityInBytes = size
			one.CapacityInKB = size / 1024
			if err := os.Truncate(d.live, size); err != nil {
				return err
			}
		}
	}
	if version := r.FormValue("fault-tolerance"); version != "" {
		vm.Runtime.FaultToleranceState = types.VirtualMachineFaultToleranceState(version)
	}
	if bus := r.FormValue("shared-bus"); bus != "" {
		for _, device := range vm.Config.Hardware.Device {
			if one, ok := device.(*types.ParaVirtualSCSIController); ok {
				one.SharedBus = types.VirtualSCSISharing(bus)
			}
		}
	}
	return nil
}

// newMachine makes a VM: name, folder ("a/b" below the datacenter's), disks ("8388608,4194304"), power.
func (v *vcenter) newMachine(r *http.Request) (interface{}, error) {
	ctx := context.Background()
	client, err := govmomi.NewClient(ctx, v.service.Listen, true)
	if err != nil {
		return nil, err
	}
	defer client.Logout(ctx)
	finder := find.NewFinder(client.Client)
	datacenter, err := finder.DefaultDatacenter(ctx)
	if err != nil {
		return nil, err
	}
	finder.SetDatacenter(datacenter)
	folders, err := datacenter.Folders(ctx)
	if err != nil {
		return nil, err
	}
	folder := folders.VmFolder
	path := "/" + datacenter.Name() + "/vm"
	for _, part := range strings.FieldsFunc(r.FormValue("folder"), func(c rune) bool { return c == '/' }) {
		path += "/" + part
		if existing, err := finder.Folder(ctx, path); err == nil {
			folder = existing
			continue
		}
		if folder, err = folder.CreateFolder(ctx, part); err != nil {
			return nil, err
		}
	}
	pool, err := finder.ResourcePoolOrDefault(ctx, "/DC0/host/DC0_C0/Resources")
	if err != nil {
		return nil, err
	}
	number := len(v.machines)
	spec := types.VirtualMachineConfigSpec{
		Name: fmt.Sprintf("made-%d", number), GuestId: "otherGuest", Annotation: r.FormValue("annotation"),
		Files: &types.VirtualMachineFileInfo{VmPathName: "[LocalDS_0]"},
	}
	task, err := folder.CreateVM(ctx, spec, pool, nil)
	if err != nil {
		return nil, err
	}
	info, err := task.WaitForResult(ctx, nil)
	if err != nil {
		return nil, err
	}
	ref := info.Result.(types.ManagedObjectReference)
	if r.FormValue("power") != "off" {
		on, err := object.NewVirtualMachine(client.Client, ref).PowerOn(ctx)
		if err != nil {
			return nil, err
		}
		if err = on.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return v.equip(simulator.Map.Get(ref).(*simulator.VirtualMachine), path, r)
}

// power switches a VM on or off.
func (v *vcenter) power(r *http.Request) (interface{}, error) {
	ctx := context.Background()
	client, err := govmomi.NewClient(ctx, v.service.Listen, true)
	if err != nil {
		return nil, err
	}
	defer client.Logout(ctx)
	vm := object.NewVirtualMachine(client.Client, types.ManagedObjectReference{Type: "VirtualMachine", Value: r.FormValue("vm")})
	change := vm.PowerOff
	switch r.FormValue("state") {
	case "on":
		change = vm.PowerOn
	case "suspended":
		change = vm.Suspend
	case "gone":
		change = vm.Destroy
	}
	task, err := change(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{}, task.Wait(ctx)
}

// equip gives a VM its name, as a vCenter writes it, and disks with bytes behind them.
func (v *vcenter) equip(vm *simulator.VirtualMachine, path string, r *http.Request) (interface{}, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	name := strings.NewReplacer("%", "%25", "/", "%2f", "\\", "%5c").Replace(r.FormValue("name"))
	vm.Name = name
	vm.Config.Name = name
	vm.Summary.Config.Name = name
	vm.Runtime.ConsolidationNeeded = types.NewBool(false)
	vm.Capability.ChangeTrackingSupported = types.NewBool(true)
	vm.Guest.ToolsRunningStatus = string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	if field := r.FormValue("attribute"); field != "" {
		vm.CustomValue = append(vm.CustomValue, &types.CustomFieldStringValue{
			CustomFieldValue: types.CustomFieldValue{Key: 401}, Value: strings.SplitN(field, "=", 2)[1]})
		vm.AvailableField = append(vm.AvailableField, types.CustomFieldDef{Key: 401, Name: strings.SplitN(field, "=", 2)[0]})
	}
	m := &machine{disks: map[int32]*disk{}}
	v.machines[vm.Self.Value] = m
	var devices []types.BaseVirtualDevice
	for _, device := range vm.Config.Hardware.Device {
		if _, isDisk := device.(*types.VirtualDisk); !isDisk {
			devices = append(devices, device)
		}
	}
	devices = append(devices, &types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{
		SharedBus: types.VirtualSCSISharingNoSharing,
		VirtualController: types.VirtualController{
			VirtualDevice: types.VirtualDevice{Key: 1000, DeviceInfo: &types.Description{Label: "SCSI controller 0", Summary: "VMware paravirtual SCSI"}},
			BusNumber:     0}}})
	for i, text := range strings.Split(r.FormValue("disks"), ",") {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		key := int32(2000 + i)
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("_%d", i)
		}
		d := &disk{
			key: key, file: fmt.Sprintf("[LocalDS_0] %s/%s%s.vmdk", name, name, suffix),
			live: filepath.Join(v.folder, "live", vm.Self.Value, fmt.Sprintf("%d.raw", key)),
		}
		d.reset()
		m.disks[key] = d
		if err = v.provide(d, size); err != nil {
			return nil, err
		}
		devices = append(devices, virtualDisk(d, size, int32(i)))
	}
	vm.Config.Hardware.Device = devices
	v.track(m, vm, r.FormValue("tracking") == "true")
	m.recording = m.tracked
	return map[string]string{"vm": vm.Self.Value, "path": path + "/" + name, "uuid": vm.Config.InstanceUuid}, nil
}

// provide puts an empty file behind a disk.
func (v *vcenter) provide(d *disk, size int64) error {
	if err := os.MkdirAll(filepath.Dir(d.live), 0o755); err != nil {
		return err
	}
	file, err := os.Create(d.live)
	if err != nil {
		return err
	}
	err = file.Truncate(size)
	file.Close()
	if err != nil {
		return err
	}
	// What the stand-in for the VDDK finds a disk by that is written.
	link := filepath.Join(v.folder, "writable", digest(d.file))
	if err = os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err = os.Remove(link); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(d.live, link)
}

// adopt puts empty files behind the disks of VMs that a client has made.
func (v *vcenter) adopt() error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, entity := range simulator.Map.All("VirtualMachine") {
		vm, ok := entity.(*simulator.VirtualMachine)
		if !ok || v.machines[vm.Self.Value] != nil {
			continue
		}
		vm.Runtime.ConsolidationNeeded = types.NewBool(false)
		vm.Capability.ChangeTrackingSupported = types.NewBool(true)
		m := &machine{disks: map[int32]*disk{}}
		v.machines[vm.Self.Value] = m
		for _, device := range vm.Config.Hardware.Device {
			one, isDisk := device.(*types.VirtualDisk)
			if !isDisk {
				continue
			}
			d := &disk{
				key: one.Key, file: one.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName,
				live: filepath.Join(v.folder, "live", vm.Self.Value, fmt.Sprintf("%d.raw", one.Key)),
			}
			m.disks[one.Key] = d
			if err := v.provide(d, one.CapacityInBytes); err != nil {
				return err
			}
		}
		v.track(m, vm, false)
	}
	return nil
}

// find tells where a VM is: vm by its path, so that a test can look at one that it has not made.
func (v *vcenter) find(r *http.Request) (interface{}, error) {
	ctx := context.Background()
	client, err := govmomi.NewClient(ctx, v.service.Listen, true)
	if err != nil {
		return nil, err
	}
	defer client.Logout(ctx)
	found, err := object.NewSearchIndex(client.Client).FindByInventoryPath(ctx, r.FormValue("path"))
	if err != nil || found == nil {
		return nil, fmt.Errorf("%s is not there: %v", r.FormValue("path"), err)
	}
	vm := simulator.Map.Get(found.Reference()).(*simulator.VirtualMachine)
	return map[string]string{"vm": vm.Self.Value, "path": r.FormValue("path"), "uuid": vm.Config.InstanceUuid,
		"bios": vm.Config.Uuid, "memory": fmt.Sprint(vm.Config.Hardware.MemoryMB)}, nil
}

func virtualDisk(d *disk, size int64, unit int32) *types.VirtualDisk {
	return &types.VirtualDisk{
		VirtualDevice: types.VirtualDevice{
			Key: d.key, ControllerKey: 1000, UnitNumber: &unit,
			DeviceInfo: &types.Description{Label: fmt.Sprintf("Hard disk %d", unit+1), Summary: ""},
			Backing: &types.VirtualDiskFlatVer2BackingInfo{
				VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: d.file},
				DiskMode:                     "persistent",
				ThinProvisioned:              types.NewBool(true),
				Uuid:                         fmt.Sprintf("6000C29%d-%s", unit, digest(d.file)[:24]),
			},
		},
		CapacityInKB: size / 1024, CapacityInBytes: size,
		DiskObjectId: fmt.Sprintf("1-%d", d.key),
	}
}

// foreignSnapshot is one that somebody else makes.
func (v *vcenter) foreignSnapshot(r *http.Request) (interface{}, error) {
	ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: r.FormValue("vm")}
	v.mutex.Lock()
	m := v.machines[ref.Value]
	v.mutex.Unlock()
	vm := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	var made types.ManagedObjectReference
	simulator.Map.WithLock(vm, func() {
		made = v.snapshot(m, vm, &types.CreateSnapshot_Task{This: ref, Name: r.FormValue("name"), Description: r.FormValue("description")})
	})
	return map[string]string{"snapshot": made.Value}, nil
}

// snapshots lists those of a VM, by moref, with their names.
func (v *vcenter) snapshots(vm string) map[string]string {
	names := map[string]string{}
	machine := simulator.Map.Get(types.ManagedObjectReference{Type: "VirtualMachine", Value: vm}).(*simulator.VirtualMachine)
	var walk func([]types.VirtualMachineSnapshotTree)
	walk = func(tree []types.VirtualMachineSnapshotTree) {
		for _, node := range tree {
			names[node.Snapshot.Value] = node.Name
			walk(node.ChildSnapshotList)
		}
	}
	simulator.Map.WithLock(machine, func() {
		if machine.Snapshot != nil {
			walk(machine.Snapshot.RootSnapshotList)
		}
	})
	return names
}

func digest(text string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(text))) }

// copyFile leaves holes where there are zeros, as a datastore does.
func copyFile(from, to string) error {
	return exec.Command("cp", "--sparse=always", from, to).Run()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
