// The focus stays inside the widget, where Escape and the keys are heard.

/** For a control that goes with what it does: the frame takes the focus over. */
export function handOver(control: Element): void {
  control.closest<HTMLElement>("[data-attnwidget]")?.focus({ preventScroll: true });
}

/** Jupyter keeps a Shift-click from moving the focus, since it selects cells: do it here. */
export function focusClicked(event: MouseEvent): void {
  if (event.shiftKey)
    (event.target as Element).closest<HTMLElement>("button, input, select, textarea, [tabindex]")?.focus();
}
