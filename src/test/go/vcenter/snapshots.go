package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// faultTypes are the faults that tests let tasks fail with: the simulator wants a type of its own for each.
var faultTypes = map[string]types.BaseMethodFault{
	"ApplicationQuiesceFault":     &types.ApplicationQuiesceFault{},
	"SnapshotFault":               &types.SnapshotFault{},
	"TaskInProgress":              &types.TaskInProgress{},
	"InsufficientDiskSpace":       &types.NoDiskSpace{},
	"ConcurrentAccess":            &types.ConcurrentAccess{},
	"GenericVmConfigFault":        &types.GenericVmConfigFault{},
	"FilesystemQuiesceFault":      &types.FilesystemQuiesceFault{},
	"InvalidPowerState":           &types.InvalidPowerState{},
	"NotSupported":                &types.NotSupported{},
	"MemorySnapshotOnIndependent": &types.MemorySnapshotOnIndependentDisk{},
}

// task runs something as a task of the simulator, a moment after its caller has been told of it. kind is its
// description's id, as a vCenter has it.
func (v *vcenter) task(w http.ResponseWriter, req *request, kind string, on *simulator.VirtualMachine, injected *injection,
	run func() (types.AnyType, types.BaseMethodFault)) {
	task := simulator.CreateTask(on, strings.TrimSuffix(req.method, "_Task"), func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		if injected != nil && injected.fault != "" {
			return nil, faultTypes[injected.fault]
		}
		return run()
	})
	task.Info.DescriptionId = kind
	delay := 5 * time.Millisecond
	if injected != nil && injected.delay > 0 {
		delay = injected.delay
	}
	v.mutex.Lock()
	on.RecentTask = append(on.RecentTask, task.Self)
	v.mutex.Unlock()
	go func() {
		time.Sleep(delay)
		simulator.Map.WithLock(on, func() { task.Run() })
		if injected != nil && injected.changes == "forget" {
			simulator.Map.Remove(task.Self)
		}
	}()
	if injected != nil && injected.changes == "lose" {
		breakOff(w)
		return
	}
	answer(w, req.method, fmt.Sprintf(`<returnval type="Task">%s</returnval>`, task.Self.Value))
}

func (v *vcenter) machine(w http.ResponseWriter, ref types.ManagedObjectReference) (*machine, *simulator.VirtualMachine) {
	v.mutex.Lock()
	m := v.machines[ref.Value]
	v.mutex.Unlock()
	vm, ok := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	if m == nil || !ok {
		fault(w, "ManagedObjectNotFound", "The object has already been deleted or has not been completely created",
			fmt.Sprintf(`<obj type="%s">%s</obj>`, ref.Type, ref.Value))
		return nil, nil
	}
	return m, vm
}

func (v *vcenter) createSnapshot(w http.ResponseWriter, req *request, injected *injection) {
	m, vm := v.machine(w, req.self)
	if m == nil {
		return
	}
	create := &types.CreateSnapshot_Task{
		This: req.self, Name: req.field("name"), Description: req.field("description"),
		Memory: req.field("memory") == "true", Quiesce: req.field("quiesce") == "true",
	}
	if len(create.Name) > 80 {
		fault(w, "InvalidName", "a snapshot's name has at most 80 characters", "")
		return
	}
	v.task(w, req, "VirtualMachine.createSnapshot", vm, injected, func() (types.AnyType, types.BaseMethodFault) {
		if create.Quiesce && m.quiesceFails == "true" {
			return nil, &types.ApplicationQuiesceFault{}
		}
		// A vCenter that cannot ask the guest does not complain.
		create.Quiesce = create.Quiesce && m.quiesceFails == "" && vm.Guest.ToolsRunningStatus == "guestToolsRunning" &&
			vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
		return v.snapshot(m, vm, create), nil
	})
}

// snapshot makes a snapshot now: the simulator's own, with disks frozen and change ids stamped on it.
func (v *vcenter) snapshot(m *machine, vm *simulator.VirtualMachine, create *types.CreateSnapshot_Task) types.ManagedObjectReference {
	started := vm.CreateSnapshotTask(create)
	inner := reflect.ValueOf(started).Elem().FieldByName("Res").Interface().(*types.CreateSnapshot_TaskResponse).Returnval
	ref := simulator.Map.Get(inner).(*simulator.Task).Info.Result.(types.ManagedObjectReference)
	snapshot := simulator.Map.Get(ref).(*simulator.VirtualMachineSnapshot)

	v.mutex.Lock()
	defer v.mutex.Unlock()
	m.suffix++
	var devices []types.BaseVirtualDevice
	for _, device := range vm.Config.Hardware.Device {
		one, isDisk := device.(*types.VirtualDisk)
		if !isDisk {
			devices = append(devices, device)
			continue
		}
		copied := *one
		backing := *one.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		copied.Backing = &backing
		d := m.disks[one.Key]
		if !d.independent {
			v.freeze(m, d, ref.Value, &backing)
			live := one.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
			live.FileName = strings.TrimSuffix(d.file, ".vmdk") + fmt.Sprintf("-%06d.vmdk", m.suffix)
		}
		devices = append(devices, &copied)
	}
	snapshot.Config.Hardware.Device = devices
	return ref
}

// freeze keeps what a disk holds now, and gives the moment a change id where it is tracked.
func (v *vcenter) freeze(m *machine, d *disk, snapshot string, backing *types.VirtualDiskFlatVer2BackingInfo) {
	folder := filepath.Join(v.folder, "frozen", snapshot)
	file := filepath.Join(folder, strconv.Itoa(int(d.key))+".raw")
	must(os.MkdirAll(folder, 0o755))
	must(copyFile(d.live, file))
	// What the stand-in for the VDDK finds a disk by.
	must(os.Symlink(file, filepath.Join(folder, digest(backing.FileName))))
	if m.tracked && m.recording {
		d.sequence++
		id := fmt.Sprintf("%s/%d", d.trackingUuid, d.sequence)
		d.moments[id] = file
		backing.ChangeId = id
	}
}

func (v *vcenter) removeSnapshot(w http.ResponseWriter, req *request, injected *injection) {
	snapshot, ok := simulator.Map.Get(req.self).(*simulator.VirtualMachineSnapshot)
	if !ok {
		fault(w, "ManagedObjectNotFound", "The object has already been deleted or has not been completely created",
			fmt.Sprintf(`<obj type="%s">%s</obj>`, req.self.Type, req.self.Value))
		return
	}
	m, vm := v.machine(w, snapshot.Vm)
	if m == nil {
		return
	}
	v.task(w, req, "vm.Snapshot.remove", vm, injected, func() (types.AnyType, types.BaseMethodFault) {
		if v.readers(req.self.Value) {
			return nil, &types.GenericVmConfigFault{Reason: "a disk of the snapshot is still being read"}
		}
		if vm.Snapshot == nil {
			return nil, &types.InvalidState{}
		}
		roots, parent := without(vm.Snapshot.RootSnapshotList, req.self, nil)
		if len(roots) == 0 {
			vm.Snapshot = nil
		} else {
			vm.Snapshot.RootSnapshotList = roots
			if vm.Snapshot.CurrentSnapshot != nil && *vm.Snapshot.CurrentSnapshot == req.self {
				vm.Snapshot.CurrentSnapshot = parent
			}
		}
		simulator.Map.Remove(req.self)
		v.mutex.Lock()
		defer v.mutex.Unlock()
		needed := injected != nil && injected.changes == "consolidation"
		vm.Runtime.ConsolidationNeeded = types.NewBool(needed)
		m.recording = m.tracked
		if len(roots) == 0 && !needed {
			m.backToBase(vm)
		}
		return nil, nil
	})
}

// readers tells whether a stand-in for nbdkit serves a snapshot: each notes its process id there.
func (v *vcenter) readers(snapshot string) bool {
	notes, _ := filepath.Glob(filepath.Join(v.folder, "frozen", snapshot, "*.pid"))
	for _, note := range notes {
		id, err := os.ReadFile(note)
		if err != nil {
			continue
		}
		if _, err := os.Stat("/proc/" + strings.TrimSpace(string(id))); err == nil {
			return true
		}
	}
	return false
}

// without takes a snapshot out of a tree; its children take its place.
func without(tree []types.VirtualMachineSnapshotTree, gone types.ManagedObjectReference,
	parent *types.ManagedObjectReference) ([]types.VirtualMachineSnapshotTree, *types.ManagedObjectReference) {
	var kept []types.VirtualMachineSnapshotTree
	var above *types.ManagedObjectReference
	for _, node := range tree {
		if node.Snapshot == gone {
			kept = append(kept, node.ChildSnapshotList...)
			above = parent
			continue
		}
		self := node.Snapshot
		children, found := without(node.ChildSnapshotList, gone, &self)
		node.ChildSnapshotList = children
		if found != nil {
			above = found
		}
		kept = append(kept, node)
	}
	return kept, above
}

func (v *vcenter) consolidate(w http.ResponseWriter, req *request, injected *injection) {
	m, vm := v.machine(w, req.self)
	if m == nil {
		return
	}
	v.task(w, req, "VirtualMachine.consolidateDisks", vm, injected, func() (types.AnyType, types.BaseMethodFault) {
		v.mutex.Lock()
		defer v.mutex.Unlock()
		vm.Runtime.ConsolidationNeeded = types.NewBool(false)
		if vm.Snapshot == nil {
			m.backToBase(vm)
		}
		return nil, nil
	})
}

// reconfigure switches change tracking; recording begins when a running VM is stunned the next time, at
// the removal of a snapshot.
func (v *vcenter) reconfigure(w http.ResponseWriter, req *request, injected *injection) {
	m, vm := v.machine(w, req.self)
	if m == nil {
		return
	}
	text := string(req.raw)
	on := strings.Contains(text, "<changeTrackingEnabled>true<")
	if !on && !strings.Contains(text, "<changeTrackingEnabled>false<") {
		fault(w, "NotSupported", "only change tracking is reconfigured here", "")
		return
	}
	v.task(w, req, "VirtualMachine.reconfigure", vm, injected, func() (types.AnyType, types.BaseMethodFault) {
		v.mutex.Lock()
		defer v.mutex.Unlock()
		v.track(m, vm, on)
		return nil, nil
	})
}

func (v *vcenter) track(m *machine, vm *simulator.VirtualMachine, on bool) {
	m.tracked = on
	m.recording = on && vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn
	vm.Config.ChangeTrackingEnabled = types.NewBool(on)
	for _, d := range m.disks {
		d.reset()
	}
}
