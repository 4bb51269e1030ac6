type Equal<One, Other> =
  (<Type>() => Type extends One ? 1 : 2) extends <Type>() => Type extends Other ? 1 : 2 ? true : false;

/** Compiles when the value has that type and no other: neither a narrower, nor a wider one, nor `any`. */
export function exactly<Expected>() {
  return <Actual>(_value: Actual, ..._: Equal<Actual, Expected> extends true ? [] : [unlike: Expected]): void => {};
}
