// The browser's own dialog: it holds the focus, closes by Escape and gives the focus back.
import { useEffect, useId, useRef, type ReactNode } from "react";

export interface DialogProps {
  title: string;
  onClose(): void;
  children: ReactNode;
}

export function Dialog({ title, onClose, children }: DialogProps): ReactNode {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // The browser would take the first button, which closes; an autofocus came before it was open.
    dialog?.querySelector<HTMLElement>("form input, [data-first]")?.focus();
    return () => dialog?.close();
  }, []);

  return (
    <dialog ref={element} className="dialog" aria-labelledby={titleId} onCancel={onClose}>
      <header className="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" className="button quiet" onClick={onClose}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}
