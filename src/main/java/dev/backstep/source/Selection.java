package dev.backstep.source;

import dev.backstep.domain.SourceDefinition;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * Which VMs of a source a definition stands for: those of which everything holds that it says.
 *
 * @param name pattern of the name: {@code *} is any characters, {@code ?} one
 * @param title pattern of the title; a VM without a title has none that fits
 * @param tag one of its tags
 */
public record Selection(Optional<String> name, Optional<String> title, Optional<String> tag) {

  public static Selection of(SourceDefinition definition) {
    return new Selection(
        Optional.ofNullable(definition.settings().get(SourceDefinition.SELECT_NAME)),
        Optional.ofNullable(definition.settings().get(SourceDefinition.SELECT_TITLE)),
        Optional.ofNullable(definition.settings().get(SourceDefinition.SELECT_TAG)));
  }

  public boolean matches(ListedVm vm) {
    return mayHave(vm.name())
        && title.filter(pattern -> vm.title().isEmpty() || !fits(pattern, vm.title())).isEmpty()
        && tag.filter(wanted -> !vm.tags().contains(wanted)).isEmpty();
  }

  /** Whether a VM of this name can be one of them, when nothing else of it is known. */
  public boolean mayHave(String vmName) {
    return name.filter(pattern -> !fits(pattern, vmName)).isEmpty();
  }

  /**
   * Upper and lower case differ, as in names of VMs. Goes back to the newest star only, so no
   * pattern takes long.
   */
  static boolean fits(String pattern, String text) {
    int[] wanted = pattern.codePoints().toArray();
    int[] given = text.codePoints().toArray();
    int at = 0;
    int star = -1;
    int behindStar = 0;
    int index = 0;
    while (index < given.length) {
      if (at < wanted.length && wanted[at] == '*') {
        star = at++;
        behindStar = index;
      } else if (at < wanted.length && (wanted[at] == '?' || wanted[at] == given[index])) {
        at++;
        index++;
      } else if (star >= 0) {
        at = star + 1;
        index = ++behindStar;
      } else {
        return false;
      }
    }
    while (at < wanted.length && wanted[at] == '*') {
      at++;
    }
    return at == wanted.length;
  }

  /** As it stands in messages. */
  @Override
  public String toString() {
    StringJoiner text = new StringJoiner(", ");
    name.ifPresent(pattern -> text.add("name '" + pattern + "'"));
    title.ifPresent(pattern -> text.add("title '" + pattern + "'"));
    tag.ifPresent(wanted -> text.add("tag '" + wanted + "'"));
    return text.toString();
  }
}
