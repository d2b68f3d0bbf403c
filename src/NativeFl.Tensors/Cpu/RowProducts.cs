using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// x · y, |x|² and |y|² of two rows, what their cosine is made of, in eight partial sums each: whichever op walks the rows, the products have
/// the same bits.
/// </summary>
internal struct RowProducts
{
    private Vector256<float> _product, _squareX, _squareY;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Vector256<float> x, Vector256<float> y)
    {
        _product = Vector256.FusedMultiplyAdd(x, y, _product);
        _squareX = Vector256.FusedMultiplyAdd(x, x, _squareX);
        _squareY = Vector256.FusedMultiplyAdd(y, y, _squareY);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (float Product, float SquareX, float SquareY) Sum() =>
        (Vector256.Sum(_product), Vector256.Sum(_squareX), Vector256.Sum(_squareY));
}
