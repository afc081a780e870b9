namespace MnistCnn.Data;

/// <summary>What an IDX file holds: bytes, in an array of one or more dimensions, the last one varying fastest.</summary>
/// <param name="Shape">Length of each dimension.</param>
/// <param name="Values">As many bytes as the product of the lengths.</param>
public sealed record IdxArray(IReadOnlyList<int> Shape, byte[] Values);
