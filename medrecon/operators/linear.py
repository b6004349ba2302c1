"""The algebra of linear operators: `@ + * .H .gram`, shapes checked, adjoint as backward pass.

An operator knows the trailing shape that it takes and gives; further leading axes pass through.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import torch
from torch import Tensor

Shape = tuple[int, ...]


class LinearOperator(ABC):
    """A linear map between tensors of known trailing shape.

    A subclass sets `in_shape` and `out_shape` and writes `forward` and `adjoint`; `gram` (A^H A) may be
    replaced by something cheaper. Calling the operator checks the shape and makes the adjoint the backward pass.
    """

    in_shape: Shape
    out_shape: Shape

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A x for `x` of shape `(…, *in_shape)`."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """A^H y for `y` of shape `(…, *out_shape)`."""

    @final
    def __call__(self, x: Tensor) -> Tensor:
        if tuple(x.shape[x.ndim - len(self.in_shape) :]) != self.in_shape:
            raise ValueError(f"{self!r} takes (…, {_text(self.in_shape)}), got ({_text(tuple(x.shape))})")
        if torch.is_grad_enabled() and x.requires_grad:
            return _AdjointAsBackward.apply(x, self)  # type: ignore[no-any-return]
        return self.forward(x)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The adjoint, as an operator."""
        return Adjoint(self)

    @property
    def gram(self) -> LinearOperator:
        """A^H A."""
        return self.H @ self

    def __matmul__(self, other: LinearOperator) -> LinearOperator:
        return _compose(self, other)

    def __add__(self, other: LinearOperator) -> LinearOperator:
        return _add(self, other)

    def __sub__(self, other: LinearOperator) -> LinearOperator:
        return self + (-1.0) * other

    def __mul__(self, scalar: complex) -> LinearOperator:
        return _scale(self, scalar)

    __rmul__ = __mul__

    def __neg__(self) -> LinearOperator:
        return self * -1.0

    def __repr__(self) -> str:
        return type(self).__name__


class _AdjointAsBackward(torch.autograd.Function):
    """y = A x with grad_x = A^H grad_y, so that gradients cannot disagree with the physics."""

    @staticmethod
    def forward(x: Tensor, operator: LinearOperator) -> Tensor:
        return operator.forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, LinearOperator], output: Tensor) -> None:  # noqa: ARG004 (torch asks for it)
        ctx.operator, ctx.is_complex = inputs[1], inputs[0].is_complex()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        grad = ctx.operator.H(grads[0])
        return (grad if ctx.is_complex else grad.real), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return ctx.operator(tangents[0])


@final
class Adjoint(LinearOperator):
    """A^H; its own adjoint is the very object A."""

    def __init__(self, operator: LinearOperator) -> None:
        self.operator = operator
        self.in_shape, self.out_shape = operator.out_shape, operator.in_shape

    def forward(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.operator.forward(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self.operator

    def __repr__(self) -> str:
        return f"{self.operator!r}.H"


@final
class Identity(LinearOperator):
    """x -> x."""

    def __init__(self, shape: Shape) -> None:
        self.in_shape = self.out_shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        return y

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self

    @property
    def gram(self) -> LinearOperator:
        return self


@final
class Zero(LinearOperator):
    """x -> 0."""

    def __init__(self, in_shape: Shape, out_shape: Shape | None = None) -> None:
        self.in_shape = tuple(in_shape)
        self.out_shape = self.in_shape if out_shape is None else tuple(out_shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros((*x.shape[: x.ndim - len(self.in_shape)], *self.out_shape))

    def adjoint(self, y: Tensor) -> Tensor:
        return y.new_zeros((*y.shape[: y.ndim - len(self.out_shape)], *self.in_shape))

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return Zero(self.out_shape, self.in_shape)


@final
class _Composition(LinearOperator):
    def __init__(self, left: LinearOperator, right: LinearOperator) -> None:
        self.left, self.right = left, right
        self.in_shape, self.out_shape = _joined_shapes(left, right)

    def forward(self, x: Tensor) -> Tensor:
        return self.left.forward(self.right.forward(x))

    def adjoint(self, y: Tensor) -> Tensor:
        return self.right.adjoint(self.left.adjoint(y))

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self.right.H @ self.left.H

    @property
    def gram(self) -> LinearOperator:
        return self.right.H @ (self.left.gram @ self.right)

    def __repr__(self) -> str:
        return f"{self.left!r} @ {self.right!r}"


@final
class _Sum(LinearOperator):
    def __init__(self, left: LinearOperator, right: LinearOperator) -> None:
        if (left.in_shape, left.out_shape) != (right.in_shape, right.out_shape):
            raise ValueError(f"cannot add {_signature(left)} and {_signature(right)}: their shapes differ")
        self.left, self.right = left, right
        self.in_shape, self.out_shape = left.in_shape, left.out_shape

    def forward(self, x: Tensor) -> Tensor:
        return self.left.forward(x) + self.right.forward(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.left.adjoint(y) + self.right.adjoint(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self.left.H + self.right.H

    def __repr__(self) -> str:
        return f"({self.left!r} + {self.right!r})"


@final
class _Scaled(LinearOperator):
    def __init__(self, operator: LinearOperator, scalar: complex) -> None:
        self.operator, self.scalar = operator, scalar
        self.in_shape, self.out_shape = operator.in_shape, operator.out_shape

    def forward(self, x: Tensor) -> Tensor:
        return self.scalar * self.operator.forward(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return complex(self.scalar).conjugate() * self.operator.adjoint(y)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        return self.operator.H * complex(self.scalar).conjugate()

    @property
    def gram(self) -> LinearOperator:
        return self.operator.gram * abs(self.scalar) ** 2

    def __repr__(self) -> str:
        return f"{self.scalar:.4g} * {self.operator!r}"


def _compose(left: LinearOperator, right: LinearOperator) -> LinearOperator:
    in_shape, out_shape = _joined_shapes(left, right)
    if isinstance(left, Zero) or isinstance(right, Zero):
        return Zero(in_shape, out_shape)
    if isinstance(left, Identity) and out_shape == right.out_shape:
        return right
    if isinstance(right, Identity) and in_shape == left.in_shape:
        return left
    return _Composition(left, right)


def _add(left: LinearOperator, right: LinearOperator) -> LinearOperator:
    total = _Sum(left, right)
    if isinstance(left, Zero):
        return right
    return left if isinstance(right, Zero) else total


def _scale(operator: LinearOperator, scalar: complex) -> LinearOperator:
    if scalar == 1 or isinstance(operator, Zero):
        return operator
    if scalar == 0:
        return Zero(operator.in_shape, operator.out_shape)
    if isinstance(operator, _Scaled):
        return operator.operator * (operator.scalar * scalar)
    return _Scaled(operator, scalar)


def _joined_shapes(left: LinearOperator, right: LinearOperator) -> tuple[Shape, Shape]:
    """Shapes of `left @ right`, where the shorter of the meeting shapes must be a suffix of the longer."""
    inner, outer = right.out_shape, left.in_shape
    n = min(len(inner), len(outer))
    if inner[len(inner) - n :] != outer[len(outer) - n :]:
        raise ValueError(f"cannot chain {_signature(left)} after {_signature(right)}")
    return outer[: len(outer) - n] + right.in_shape, inner[: len(inner) - n] + left.out_shape


def _signature(operator: LinearOperator) -> str:
    return f"{operator!r} ({_text(operator.in_shape)}) -> ({_text(operator.out_shape)})"


def _text(shape: Shape) -> str:
    return ", ".join(map(str, shape))
