package dev.backstep.source.vsphere;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.source.SourceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which faults say that change tracking cannot answer, and which that nobody could ask it. */
class VsphereFaultTests {

  private static VsphereFault fault(String name, String property) {
    return new VsphereFault("disk", name, property, "");
  }

  @ParameterizedTest
  @ValueSource(strings = {"FileFault", "FileNotFound", "CannotAccessFile", "IncorrectFileType"})
  void faultsOfTheTrackingsFileAreOfTracking(String name) {
    assertThat(fault(name, "").isOfTracking()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"FileLocked", "NotAuthenticated", "NoPermission", "SystemError"})
  void faultsOfTheMomentAreNot(String name) {
    assertThat(fault(name, "").isOfTracking()).isFalse();
  }

  @Test
  void argumentsAreOfTrackingWhereTheyNameWhatIsTracked() {
    assertThat(fault("InvalidArgument", "changeId").isOfTracking()).isTrue();
    assertThat(fault("InvalidArgument", "deviceKey").isOfTracking()).isTrue();
    assertThat(fault("InvalidArgument", "startOffset").isOfTracking()).isFalse();
  }

  @Test
  void lockedFileIsSomebodyElses() {
    assertThat(fault("FileLocked", "").kind()).isEqualTo(SourceException.Kind.LOCKED);
  }
}
