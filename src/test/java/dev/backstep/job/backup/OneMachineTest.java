package dev.backstep.job.backup;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Each test has a simulated machine of its name, and a folder. */
abstract class OneMachineTest extends JobTest {

  @TempDir Path folder;

  String vm = "";
  SimulatedSource.Machine machine = new SimulatedSource.Machine();

  @BeforeEach
  void putMachine(TestInfo test) {
    vm = test.getTestMethod().orElseThrow().getName();
    machine = SimulatedSource.machine(vm);
  }

  @AfterEach
  void removeMachine() {
    SimulatedSource.remove(vm);
  }
}
