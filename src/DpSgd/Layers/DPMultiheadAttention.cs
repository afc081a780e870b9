using DpSgd.Accounting;
using DpSgd.Layers;
using DpSgd.Layers.Attention;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Multi-head attention (Vaswani et al., "Attention Is All You Need", 2017) that can be trained privately: computes what
/// TorchSharp's MultiheadAttention computes, of parts whose gradient an optimizer can see example by example.
/// <see cref="From"/> makes it of one, <see cref="CopyTo"/> gives one back.
/// </summary>
/// <remarks>
/// <para>
/// TorchSharp adds an attention mask of booleans to the scores as zeros and ones; here true blocks, as PyTorch documents
/// it. TorchSharp cannot run with one mask for each example and head, nor with a kdim other than vdim; this layer can.
/// </para>
/// <para>
/// In a model that a <see cref="DPOptimizer"/> trains, the model itself takes the example as its first dimension; the
/// layer may be batch first or not.
/// </para>
/// </remarks>
public sealed class DPMultiheadAttention
    : nn.Module<Tensor, Tensor, Tensor, Tensor?, bool, Tensor?, Tuple<Tensor, Tensor?>>
{
    private readonly Linear _query;
    private readonly Linear _key;
    private readonly Linear _value;
    private readonly Linear _out;
    private readonly AppendedRow? _keyRow;
    private readonly AppendedRow? _valueRow;
    private readonly long _embedDim;
    private readonly bool _batchFirst;

    /// <summary>Makes the layer with random weights, as TorchSharp's begins.</summary>
    /// <param name="embedDim">Features of the query and of the output: a multiple of <paramref name="numHeads"/>.</param>
    /// <param name="numHeads">Number of heads, at least 1.</param>
    /// <param name="dropout">Probability of dropping an attention weight, in [0, 1].</param>
    /// <param name="bias">Whether the projections have biases.</param>
    /// <param name="addBiasKv">Whether one trained key and value is added to each sequence.</param>
    /// <param name="addZeroAttn">Whether a key and value of zero is added to each sequence.</param>
    /// <param name="kdim">Features of the key; null for <paramref name="embedDim"/>.</param>
    /// <param name="vdim">Features of the value; null for <paramref name="embedDim"/>.</param>
    /// <param name="batchFirst">Whether sequences are [batch, steps, features] rather than [steps, batch, features].</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    /// <exception cref="ArgumentException">The heads do not divide the features.</exception>
    public DPMultiheadAttention(
        long embedDim,
        long numHeads,
        double dropout = 0,
        bool bias = true,
        bool addBiasKv = false,
        bool addZeroAttn = false,
        long? kdim = null,
        long? vdim = null,
        bool batchFirst = false)
        : base(nameof(DPMultiheadAttention))
    {
        _embedDim = Guard.AtLeast(1, embedDim);
        Heads = Guard.AtLeast(1, numHeads);
        if (embedDim % numHeads != 0)
            throw new ArgumentException($"{numHeads} heads do not divide {embedDim} features.", nameof(numHeads));
        Dropout = Guard.Probability(dropout);
        AddsZero = addZeroAttn;
        _batchFirst = batchFirst;
        long keySize = Guard.AtLeast(1, kdim ?? embedDim, nameof(kdim)), valueSize = Guard.AtLeast(1, vdim ?? embedDim, nameof(vdim));
        _query = nn.Linear(embedDim, embedDim, bias);
        _key = nn.Linear(keySize, embedDim, bias);
        _value = nn.Linear(valueSize, embedDim, bias);
        _out = nn.Linear(embedDim, embedDim, bias);
        _keyRow = addBiasKv ? new AppendedRow(embedDim) : null;
        _valueRow = addBiasKv ? new AppendedRow(embedDim) : null;
        foreach (var projection in new[] { _query, _key, _value })
        {
            // TorchSharp keeps the three in one matrix where they are of one size, and so draws them smaller.
            nn.init.xavier_uniform_(projection.weight, keySize == embedDim && valueSize == embedDim ? Math.Sqrt(0.5) : 1);
        }
        foreach (var projection in new[] { _query, _key, _value, _out })
        {
            if (projection.bias is { } zero)
                nn.init.zeros_(zero);
        }
        Register(("q_proj", _query), ("k_proj", _key), ("v_proj", _value), ("out_proj", _out), ("bias_k", _keyRow), ("bias_v", _valueRow));
    }

    internal long Heads { get; set; }

    internal double Dropout { get; set; }

    internal bool AddsZero { get; set; }

    /// <summary>Attends: each query to all keys of its example.</summary>
    /// <param name="query">[L, batch, embedDim], or [batch, L, embedDim] with batch first.</param>
    /// <param name="key">[S, batch, kdim], or [batch, S, kdim].</param>
    /// <param name="value">[S, batch, vdim], or [batch, S, vdim].</param>
    /// <param name="key_padding_mask">[batch, S], booleans: true where a key is padding, and to be ignored. Null for none.</param>
    /// <param name="need_weights">Whether to return the attention weights.</param>
    /// <param name="attn_mask">
    /// [L, S], or [batch * heads, L, S] for each example and head: booleans, true where not to look, or numbers that are
    /// added to the scores. Null for none.
    /// </param>
    /// <returns>
    /// The output, of the query's shape; and the weights, [batch, L, S plus what was added], averaged over heads, or null.
    /// A query that may look at nothing gives NaN.
    /// </returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public new Tuple<Tensor, Tensor?> call(
        Tensor query, Tensor key, Tensor value, Tensor? key_padding_mask = null, bool need_weights = true, Tensor? attn_mask = null) =>
        base.call(query, key, value, key_padding_mask, need_weights, attn_mask);

    /// <summary>As <see cref="call"/>, but hooks do not see it: a model to be trained privately uses <see cref="call"/>.</summary>
    /// <param name="query">As in <see cref="call"/>.</param>
    /// <param name="key">As in <see cref="call"/>.</param>
    /// <param name="value">As in <see cref="call"/>.</param>
    /// <param name="key_padding_mask">As in <see cref="call"/>.</param>
    /// <param name="need_weights">As in <see cref="call"/>.</param>
    /// <param name="attn_mask">As in <see cref="call"/>.</param>
    /// <returns>As in <see cref="call"/>.</returns>
    /// <exception cref="ArgumentException">A shape is wrong, or a mask's type.</exception>
    public override Tuple<Tensor, Tensor?> forward(
        Tensor query, Tensor key, Tensor value, Tensor? key_padding_mask, bool need_weights, Tensor? attn_mask)
    {
        using var scope = NewDisposeScope();
        (query, key, value) = (BatchFirst(query, _query), BatchFirst(key, _key), BatchFirst(value, _value));
        if (key.shape[1] != value.shape[1] || key.shape[0] != query.shape[0] || value.shape[0] != query.shape[0])
            throw new ArgumentException($"Query, key and value must have the same batch, and key and value as many steps; got {Shapes(query, key, value)} (batch, steps, features).");
        var q = ByHead(_query.call(query) * (1 / Math.Sqrt(_embedDim / Heads)));
        var k = ByHead(WithRows(_key.call(key), _keyRow));
        var v = ByHead(WithRows(_value.call(value), _valueRow));
        var extra = (_keyRow is null ? 0 : 1) + (AddsZero ? 1 : 0);
        var scores = AttentionMask.Apply(q.matmul(k.transpose(2, 3)), key_padding_mask, attn_mask, extra);
        var weights = scores.softmax(-1);
        if (training && Dropout > 0)
            weights = nn.functional.dropout(weights, Dropout);
        var joined = _out.call(weights.matmul(v).transpose(1, 2).flatten(2));
        var output = _batchFirst ? joined : joined.transpose(0, 1);
        return Tuple.Create(
            output.MoveToOuterDisposeScope(),
            need_weights ? weights.mean([1]).MoveToOuterDisposeScope() : null);
    }

    /// <summary>Makes a layer that computes what a MultiheadAttention computes, with a copy of its weights.</summary>
    /// <param name="attention">
    /// The layer. It is run on random input to find out what cannot be read from it, and is left as it was.
    /// </param>
    /// <param name="numHeads">Its number of heads; null to find it.</param>
    /// <param name="dropout">Its dropout; null to try zero and the multiples of 0.05, which works on the CPU.</param>
    /// <param name="batchFirst">Whether ours is to be batch first; TorchSharp's is not.</param>
    /// <returns>The layer, on the same device, with the same type, mode and frozen parameters.</returns>
    /// <exception cref="ArgumentException">An option is not the layer's, or was not given and could not be found.</exception>
    public static DPMultiheadAttention From(
        MultiheadAttention attention, long? numHeads = null, double? dropout = null, bool batchFirst = false) =>
        AttentionConversion.From(Guard.NotNull(attention), numHeads, dropout, batchFirst);

    /// <summary>Copies the weights into a MultiheadAttention.</summary>
    /// <param name="attention">One of the same options.</param>
    /// <exception cref="ArgumentException">It has other options; it is left as it was.</exception>
    public void CopyTo(MultiheadAttention attention) => AttentionConversion.GiveBack(Guard.NotNull(attention), this, _batchFirst);

    private void Register(params (string Name, nn.Module? Part)[] parts)
    {
        foreach (var (name, part) in parts)
        {
            if (part is not null)
                register_module(name, part);
        }
    }

    private Tensor BatchFirst(Tensor sequence, Linear projection)
    {
        if (Guard.NotNull(sequence).dim() != 3 || sequence.shape[2] != projection.in_features)
        {
            throw new ArgumentException(
                $"A sequence must have 3 dimensions, the last of {projection.in_features} features; it is of shape {Shapes(sequence)}.", nameof(sequence));
        }
        return _batchFirst ? sequence : sequence.transpose(0, 1);
    }

    private static string Shapes(params Tensor[] tensors) => string.Join(", ", tensors.Select(t => $"[{string.Join(", ", t.shape)}]"));

    /// <summary>Adds the trained row and the row of zeros, where there are any.</summary>
    private Tensor WithRows(Tensor sequence, AppendedRow? row)
    {
        if (row is not null)
            sequence = row.call(sequence);
        return AddsZero ? nn.functional.pad(sequence, [0, 0, 0, 1]) : sequence;
    }

    /// <summary>[B, T, heads * d] as [B, heads, T, d].</summary>
    private Tensor ByHead(Tensor sequence) =>
        sequence.view(sequence.shape[0], sequence.shape[1], Heads, _embedDim / Heads).transpose(1, 2);
}
