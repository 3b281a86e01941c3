package dev.backstep.source.libvirt;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LibvirtLibraryTests {

  @Test
  void libraryThatMayNotBeUsedIsLikeOneThatIsNotThere() {
    assertThat(
            LibvirtLibrary.load(() -> {
              throw new IllegalCallerException("illegal native access");
            }))
        .isEmpty();
  }
}
