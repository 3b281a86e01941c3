package dev.backstep.source.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.backstep.source.SourceException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TogetherTests {

  @Test
  void givesWhatCameOfEachInTheirOrder() throws SourceException {
    List<Integer> all = IntStream.range(0, 100).boxed().toList();

    assertThat(Together.each(all, one -> 2 * one))
        .isEqualTo(IntStream.range(0, 100).mapToObj(one -> 2 * one).toList());
    assertThat(Together.each(List.of(), one -> one)).isEmpty();
  }

  @Test
  void severalAreDoneAtOnce() throws SourceException {
    CountDownLatch begun = new CountDownLatch(4);

    Together.each(
        List.of(0, 1, 2, 3),
        one -> {
          begun.countDown();
          return awaited(begun);
        });

    assertThat(begun.getCount()).isZero();
  }

  private static boolean awaited(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).as("the others begin, too").isTrue();
      return true;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void oneThatFailsIsToldWhenTheOthersAreDone() {
    AtomicInteger done = new AtomicInteger();
    CountDownLatch failed = new CountDownLatch(2);

    assertThatThrownBy(() ->
            Together.each(
                List.of(0, 1, 2, 3),
                one -> {
                  if (one % 2 == 0) {
                    failed.countDown();
                    throw new SourceException(SourceException.Kind.FAILED, "disk " + one);
                  }
                  awaited(failed);
                  return done.incrementAndGet();
                }))
        .isInstanceOf(SourceException.class)
        .hasMessage("disk 0")
        .satisfies(e -> assertThat(e.getSuppressed()[0]).hasMessage("disk 2"));
    assertThat(done).hasValue(2);
    assertThatThrownBy(() ->
            Together.each(
                List.of(0),
                one -> {
                  throw new IllegalArgumentException("a fault of ours");
                }))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
